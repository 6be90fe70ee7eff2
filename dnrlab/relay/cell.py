"""The LSTM that turns pooled features into affine parameters.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.2 and supplement A.
"""

import torch
from torch import Tensor, nn

from dnrlab.relay.functional import RelayState, relay_step


class RelayCell(nn.Module):
    """An LSTM of width C; the gates of its first cell come from bottlenecks.

        gates = A(p) + B(h);    A, B: Linear(C -> C/r) - ReLU - Linear(C/r -> 4C)
        gamma = h', beta = c' of the last cell;  all (h', c') are relayed

    A deeper cell takes the new hidden state of the cell below in place of p. Its A and B are Linear(C -> 4C).
    At depth 1 the LSTM has 10 C^2 / r weights and 8 C + 2 C / r biases: 2.5 C^2 and 8.5 C at r = 4.

    Args:
        channels: C.
        reduction: r, the paper's 4.
        depth: d, the number of stacked cells.

    Shape:
        - pooled: (N, C), the global average pool of the features before they are standardized
        - state: hidden and cell, each (d, N, C); None starts the relay at zero
        - returns: the new hidden and cell, each (d, N, C); gamma and beta are their last rows, (N, C)

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

    def forward(self, pooled: Tensor, state: RelayState | None = None) -> RelayState:
        pooled = pooled.to(next(self.parameters()).dtype)  # pooling gives float32 even if the network is bfloat16
        if state is None:
            zero = pooled.new_zeros(len(self.deeper) + 1, *pooled.shape)
            state = (zero, zero)
        hidden, cell = state
        new = [relay_step(self.input_gates(pooled) + self.hidden_gates(hidden[0]), cell[0])]
        for index, deeper in enumerate(self.deeper, start=1):
            new.append(deeper(new[-1][0], (hidden[index], cell[index])))
        return torch.stack([each[0] for each in new]), torch.stack([each[1] for each in new])

    def extra_repr(self) -> str:
        return f"{self.channels}, reduction={self.reduction}, depth={self.depth}"


class DeeperCell(nn.Module):
    """A stacked cell: gates = A(h of the cell below) + B(h), with A and B Linear(C -> 4C). States are (N, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.input_gates = nn.Linear(channels, 4 * channels)
        self.hidden_gates = nn.Linear(channels, 4 * channels)

    def forward(self, below: Tensor, state: RelayState) -> RelayState:
        hidden, cell = state
        return relay_step(self.input_gates(below) + self.hidden_gates(hidden), cell)

    def extra_repr(self) -> str:
        return f"{self.channels}"


def bottleneck(channels: int, reduction: int) -> nn.Sequential:
    """Linear(C -> C/r) - ReLU - Linear(C/r -> 4C), with biases."""
    return nn.Sequential(
        nn.Linear(channels, channels // reduction),
        nn.ReLU(inplace=True),
        nn.Linear(channels // reduction, 4 * channels),
    )
