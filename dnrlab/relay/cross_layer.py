"""Cross-layer DNR: gamma and beta relayed from block to block of a stage.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.4.
"""

from torch import Tensor

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
        - x: clips (N, C, T, H, W), or images (N*T, C, H, W) and T
        - relay: the stage's cell and its state after the previous block
        - returns: y like x, and the relay with the new state

    Raises: ValueError if x does not hold clips, its C differs from ``channels``, or the relay is None.
    """

    def forward(self, x: Tensor, relay: LayerRelay | None, num_frames: int | None = None) -> tuple[Tensor, LayerRelay]:
        frames = self.frames(x, num_frames)
        lengths = [frames.mean.shape[1]]  # one group, the whole clip
        source, relay = relay_from_block(group_means(frames.mean, lengths), relay)
        return self.standardized(x, frames, [source], lengths), relay


def relay_from_block(pooled: Tensor, relay: LayerRelay | None) -> tuple[Relayed, LayerRelay]:
    """Gamma and beta (N, 1, C) of a block, and the new relay.

    Args:
        pooled: the pooled clips, (N, 1, C).
        relay: the relay after the previous block.

    Raises: ValueError if the relay is None.
    """
    if relay is None:
        raise ValueError("expected a LayerRelay with the stage's cell, got None; start one with LayerRelay(lstm)")
    state = relay.lstm(relay.lstm.gates_of(pooled.squeeze(1)), relay.state)
    gamma, beta = (each.unsqueeze(1) for each in state[-1])
    return Relayed("cross_layer", gamma, beta), LayerRelay(relay.lstm, state)
