"""Cross-layer DNR: gamma and beta relayed from block to block of a stage.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.4.
"""

from torch import Tensor

from dnrlab.relay.axes import check_clip
from dnrlab.relay.groups import group_means
from dnrlab.relay.norm import LayerRelay, Relayed, RelayNorm


class CrossLayerNorm(RelayNorm):
    """Standardize over (N, T, H, W); scale and shift by the state of the LSTM that the blocks of a stage share.

        (gamma_b, beta_b) = lstm(pool(x_b), (gamma_{b-1}, beta_{b-1})),    b = 1 … blocks of the stage, from zero

    The cell belongs to the stage and comes with the relay, so a state dict holds it once.

    Args:
        channels: C.
        config: the settings of DNR.
        eps, momentum: see ``RelayNorm``.

    Shape:
        - x: (N, C, T, H, W)
        - relay: the stage's cell and its state after the previous block
        - returns: y like x, and the relay with the new state

    Raises: ValueError if x is not 5-D, its C differs from ``channels``, or the relay is None.
    """

    def forward(self, x: Tensor, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay]:
        check_clip(x, channels=self.channels)
        lengths = [x.shape[2]]  # one group, the whole clip
        pooled = group_means(x, lengths)
        source, relay = relay_from_block(pooled, relay)
        return self.affine(x, *self.statistics(x, pooled, lengths), [source], lengths), relay


def relay_from_block(pooled: Tensor, relay: LayerRelay | None) -> tuple[Relayed, LayerRelay]:
    """Gamma and beta (N, C, 1) of a block, and the new relay.

    Args:
        pooled: the pooled clips, (N, C, 1).
        relay: the relay after the previous block.

    Raises: ValueError if the relay is None.
    """
    if relay is None:
        raise ValueError("expected a LayerRelay with the stage's cell, got None; start one with LayerRelay(lstm)")
    hidden, cell = relay.lstm(pooled[:, :, 0], relay.state)  # (d, N, C) each
    return Relayed("cross_layer", hidden[-1, :, :, None], cell[-1, :, :, None]), LayerRelay(relay.lstm, (hidden, cell))
