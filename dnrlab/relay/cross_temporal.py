"""Cross-temporal DNR: gamma and beta relayed from frame group to frame group.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.3.
"""

import torch
from torch import Tensor

from dnrlab.relay.axes import check_clip
from dnrlab.relay.cell import RelayCell
from dnrlab.relay.functional import RelayState, group_lengths, group_means
from dnrlab.relay.norm import LayerRelay, Relayed, RelayNorm


class CrossTemporalNorm(RelayNorm):
    """Standardise every group of d_r frames with its own statistics; scale and shift it by the LSTM's state.

        (gamma_g, beta_g) = lstm(pool(x_g), (gamma_{g-1}, beta_{g-1})),    g = 1 … G, from zero

    The running statistics receive one update a group, in order, as in the authors' release.

    Args:
        channels: C.
        relay_distance: d_r, frames a group; the last group is shorter if it does not divide T.
        reduction: r of the cell.

    Shape:
        - x: (N, C, T, H, W), any T of at least 1
        - relay: the stage's cross-layer relay, returned as it came
        - returns: y like x, and the relay

    Raises: ValueError if x is not 5-D, its C differs, or a group holds one value a channel in training.
    """

    def __init__(self, channels: int, *, relay_distance: int = 4, reduction: int = 4) -> None:
        super().__init__(channels)
        self.relay_distance = relay_distance
        self.lstm = RelayCell(channels, reduction)

    def forward(self, x: Tensor, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay | None]:
        check_clip(x, channels=self.channels)
        lengths = group_lengths(x.shape[2], self.relay_distance)
        pooled = group_means(x, lengths)
        source = self.relay_over_groups(pooled)
        return self.affine(x, *self.statistics(x, pooled, lengths), [source], lengths), relay

    def relay_over_groups(self, pooled: Tensor) -> Relayed:
        """Gamma and beta (N, C, G) of every group from the pooled groups (N, C, G)."""
        states: list[RelayState] = []
        for group in pooled.unbind(dim=2):
            states.append(self.lstm(group, states[-1] if states else None))
        gamma, beta = zip(*states, strict=True)
        return Relayed("cross_temporal", torch.stack(gamma, dim=2), torch.stack(beta, dim=2))
