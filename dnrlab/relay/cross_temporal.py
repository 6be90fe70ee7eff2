"""Cross-temporal DNR: gamma and beta relayed from frame group to frame group.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.3.
"""

import torch
from torch import Tensor

from dnrlab.relay.cell import RelayCell
from dnrlab.relay.config import PAPER, DNRConfig
from dnrlab.relay.functional import RelayState
from dnrlab.relay.groups import group_lengths, group_means
from dnrlab.relay.norm import LayerRelay, Relayed, RelayNorm


class CrossTemporalNorm(RelayNorm):
    """Standardize every group of d_r frames with its own statistics; scale and shift it by the LSTM's state.

        (gamma_g, beta_g) = lstm(pool(x_g), (gamma_{g-1}, beta_{g-1})),    g = 1 … G, from zero

    The running statistics receive one update per group, in order, as in the authors' release.

    With direction ``bi`` a second cell also relays from G to 1; with ``bi_shared`` the same cell does. The two gammas
    and the two betas of each group are averaged. With one cell and groups of one length the layer is symmetric in time:
    the output of a clip played backwards is the output of the clip, played backwards.

    Args:
        channels: C.
        config: the settings of DNR.
        eps, momentum: see ``RelayNorm``.

    Shape:
        - x: clips (N, C, T, H, W), or images (N*T, C, H, W) and T. The last group is shorter if d_r does not divide T
        - relay: the stage's cross-layer relay, returned unchanged
        - returns: y like x, and the relay

    Raises: ValueError if x does not hold clips, its C differs from ``channels``, or a group has one value per channel
        in training.
    """

    def __init__(self, channels: int, config: DNRConfig = PAPER, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, config, eps=eps, momentum=momentum)
        self.lstm = RelayCell(channels, config.reduction, config.depth)
        if config.direction == "bi":
            self.lstm_backward = RelayCell(channels, config.reduction, config.depth)

    def forward(
        self, x: Tensor, relay: LayerRelay | None, num_frames: int | None = None
    ) -> tuple[Tensor, LayerRelay | None]:
        frames = self.frames(x, num_frames)
        lengths = group_lengths(frames.mean.shape[1], self.config.relay_distance)
        source = self.relay_over_groups(group_means(frames.mean, lengths))
        return self.standardized(x, frames, [source], lengths), relay

    def relay_over_groups(self, pooled: Tensor) -> Relayed:
        """Gamma and beta (N, G, C) of all groups from the pooled groups (N, G, C)."""
        gamma, beta = relay_in_order(self.lstm, pooled)
        if self.config.direction != "uni":
            lstm = self.lstm_backward if self.config.direction == "bi" else self.lstm
            back_gamma, back_beta = (each.flip(1) for each in relay_in_order(lstm, pooled.flip(1)))
            gamma, beta = (gamma + back_gamma) / 2, (beta + back_beta) / 2
        return Relayed("cross_temporal", gamma, beta)


def relay_in_order(lstm: RelayCell, pooled: Tensor) -> tuple[Tensor, Tensor]:
    """Gamma and beta (N, G, C) from the pooled groups (N, G, C), relayed from the first group to the last."""
    states: list[RelayState] = []
    for gates in lstm.gates_of(pooled).unbind(dim=1):
        states.append(lstm(gates, states[-1] if states else None))
    gamma, beta = (torch.stack(each, dim=1) for each in zip(*(state[-1] for state in states), strict=True))
    return gamma, beta
