"""The LSTM cell that turns pooled features into affine parameters.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.2 and supplement A.
"""

import torch
from torch import Tensor, nn

from dnrlab.relay.functional import RelayState, relay_step


class RelayCell(nn.Module):
    """One LSTM cell of width C whose gates come from bottlenecks.

        gates = A(p) + B(h);    A, B: Linear(C -> C/r) - ReLU - Linear(C/r -> 4C)
        gamma = h', beta = c';  (h', c') is relayed

    It has 10 C^2 / r weights and 8 C + 2 C / r biases: 2.5 C^2 and 8.5 C at r = 4.

    Args:
        channels: C.
        reduction: r, the paper's 4.

    Shape:
        - pooled: (N, C), the global average pool of the features before they are standardised
        - state: hidden and cell, each (N, C); None starts the relay at zero
        - returns: the new hidden and cell, each (N, C)

    Raises: ValueError if C is not a positive multiple of r.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        if reduction < 1 or channels < reduction or channels % reduction:
            raise ValueError(
                f"expected channels to be a multiple of reduction, got channels={channels}, reduction={reduction}; "
                "choose a width of the network that the reduction divides"
            )
        self.channels = channels
        self.input_gates = bottleneck(channels, reduction)
        self.hidden_gates = bottleneck(channels, reduction)

    def forward(self, pooled: Tensor, state: RelayState | None = None) -> RelayState:
        pooled = pooled.to(next(self.parameters()).dtype)  # it is float32 even where the network is bfloat16
        if state is None:
            state = (torch.zeros_like(pooled), torch.zeros_like(pooled))
        hidden, cell = state
        return relay_step(self.input_gates(pooled) + self.hidden_gates(hidden), cell)


def bottleneck(channels: int, reduction: int) -> nn.Sequential:
    """Linear(C -> C/r) - ReLU - Linear(C/r -> 4C), with biases."""
    return nn.Sequential(
        nn.Linear(channels, channels // reduction),
        nn.ReLU(inplace=True),
        nn.Linear(channels // reduction, 4 * channels),
    )
