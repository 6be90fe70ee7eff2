"""The LSTM that turns pooled features into affine parameters.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.2 and supplement A.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dnrlab.relay.functional import CellState, RelayState, relay_step
from dnrlab.relay.passes import autocast_dtype


class RelayCell(nn.Module):
    """An LSTM of width C; the gates of its first cell come from bottlenecks.

        gates = A(p) + B(h);    A, B: Linear(C -> C/r) - ReLU - Linear(C/r -> 4C)
        gamma = h', beta = c' of the last cell;  all (h', c') are relayed

    A deeper cell takes the new hidden state of the cell below in place of p. Its A and B are Linear(C -> 4C).
    At depth 1 the LSTM has 10 C^2 / r weights and 8 C + 2 C / r biases: 2.5 C^2 and 8.5 C at r = 4.

    ``gates_of`` computes A(p) for all steps at once; calling the cell takes one step. It computes in the precision of
    its weights, also under autocast: conversions would take longer than the products.

    Args:
        channels: C.
        reduction: r, the paper's 4.
        depth: d, the number of stacked cells.

    Shape:
        - gates: (N, 4C), from ``gates_of``
        - state: for each stacked cell hidden and cell, each (N, C); None starts the relay at zero
        - returns: the new state; gamma and beta are hidden and cell of its last cell

    Raises: ValueError if C is not a positive multiple of r.

    Differs from the source: the release feeds p to every cell, a slip without effect at its depth of 1.
    """

    def __init__(self, channels: int, reduction: int = 4, depth: int = 1) -> None:
        super().__init__()
        if reduction < 1 or channels < reduction or channels % reduction:
            raise ValueError(
                f"expected channels to be a multiple of reduction, got channels={channels}, reduction={reduction}; "
                "choose a width of the network that the reduction divides"
            )
        self.channels, self.reduction, self.depth = channels, reduction, depth
        self.input_gates = bottleneck(channels, reduction)
        self.hidden_gates = bottleneck(channels, reduction)
        self.deeper = nn.ModuleList(DeeperCell(channels) for _ in range(depth - 1))

    def gates_of(self, pooled: Tensor) -> Tensor:
        """A(p), (…, 4C), for the pools (…, C) of the features before they are standardized."""
        with weight_precision(pooled):
            gates: Tensor = self.input_gates(pooled.to(next(self.parameters()).dtype))
            return gates

    def forward(self, gates: Tensor, state: RelayState | None = None) -> RelayState:
        with weight_precision(gates):
            if state is None:
                first, second = linear_layers(self.hidden_gates)
                new = [relay_step(gates + second(F.relu(of_zeros(first))))]
            else:
                new = [relay_step(gates + self.hidden_gates(state[0].hidden), state[0].cell)]
            for index, deeper in enumerate(self.deeper, start=1):
                new.append(deeper(new[-1].hidden, None if state is None else state[index]))
        return tuple(new)

    def extra_repr(self) -> str:
        return f"{self.channels}, reduction={self.reduction}, depth={self.depth}"


class DeeperCell(nn.Module):
    """A stacked cell: gates = A(h of the cell below) + B(h), with A and B Linear(C -> 4C). States are (N, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.input_gates = nn.Linear(channels, 4 * channels)
        self.hidden_gates = nn.Linear(channels, 4 * channels)

    def forward(self, below: Tensor, state: CellState | None) -> CellState:
        if state is None:
            return relay_step(self.input_gates(below) + of_zeros(self.hidden_gates))
        return relay_step(self.input_gates(below) + self.hidden_gates(state.hidden), state.cell)

    def extra_repr(self) -> str:
        return f"{self.channels}"


def bottleneck(channels: int, reduction: int) -> nn.Sequential:
    """Linear(C -> C/r) - ReLU - Linear(C/r -> 4C), with biases."""
    return nn.Sequential(
        nn.Linear(channels, channels // reduction),
        nn.ReLU(inplace=True),
        nn.Linear(channels // reduction, 4 * channels),
    )


def linear_layers(gates: nn.Sequential) -> tuple[nn.Linear, nn.Linear]:
    """The two layers of a ``bottleneck``."""
    return gates[0], gates[2]  # type: ignore[return-value]


def of_zeros(layer: nn.Linear) -> Tensor:
    """The output of a layer for zeros: its bias.

    In training the weight takes part, times zero. So its gradient is zero and not missing: DistributedDataParallel
    waits for it, and weight decay acts on the weight.
    """
    return layer.bias + layer.weight[:, 0] * 0 if torch.is_grad_enabled() else layer.bias


def weight_precision(x: Tensor) -> AbstractContextManager[object]:
    """A context without autocast on the device of ``x``."""
    return nullcontext() if autocast_dtype(x) is None else torch.autocast(x.device.type, enabled=False)
