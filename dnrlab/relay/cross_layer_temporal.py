"""Cross-layer and cross-temporal DNR on one norm, for blocks with one suitable norm.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.3 and 3.4. The paper has bottlenecks only, with one norm for each relay.
This project puts both relays on the first norm of a basic block, see ``dnrlab/models/README.md``.
"""

from torch import Tensor

from dnrlab.relay.cross_layer import relay_from_block
from dnrlab.relay.cross_temporal import CrossTemporalNorm
from dnrlab.relay.groups import group_lengths, group_means
from dnrlab.relay.norm import LayerRelay


class CrossLayerTemporalNorm(CrossTemporalNorm):
    """Standardize every group of d_r frames with its own statistics; scale and shift it by the sum of two relays.

        y_g = (gamma_g + gamma_b) * (x_g - mean_g) / sqrt(var_g + eps) + beta_g + beta_b

    (gamma_g, beta_g) comes from the layer's own cell and is relayed from group to group. (gamma_b, beta_b) comes from
    the stage's cell and is relayed from block to block, once per clip. So 0 < gamma_g + gamma_b < 2.

    Args: see ``CrossTemporalNorm``.

    Shape:
        - x: clips (N, C, T, H, W), or images (N*T, C, H, W) and T
        - relay: the stage's cell and its state after the previous block
        - returns: y like x, and the relay with the new state

    Raises: ValueError if x does not hold clips, its C differs from ``channels``, the relay is None, or a group has one
        value per channel in training.
    """

    def forward(self, x: Tensor, relay: LayerRelay | None, num_frames: int | None = None) -> tuple[Tensor, LayerRelay]:
        frames = self.frames(x, num_frames)
        lengths = group_lengths(frames.mean.shape[1], self.config.relay_distance)
        over_blocks, relay = relay_from_block(group_means(frames.mean, [sum(lengths)]), relay)
        sources = [self.relay_over_groups(group_means(frames.mean, lengths)), over_blocks]
        return self.standardized(x, frames, sources, lengths), relay
