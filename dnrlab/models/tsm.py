"""Temporal shift module: TSN whose blocks take some channels from the previous frame and some from the next.

Source: Lin, Gan and Han, "TSM: temporal shift module for efficient video understanding", ICCV 2019.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from dnrlab.models.blocks import Temporal
from dnrlab.models.stages import Block, BlockPosition, TemporalAt
from dnrlab.models.tsn import TSN
from dnrlab.relay.axes import merge_time, split_time

DEEP_STAGE = 23  # with so many blocks in layer3, or more, only every second block shifts


def shifts(depths: Sequence[int]) -> TemporalAt:
    """The shift at the input of every block's residual branch; in deep networks blocks 0, 2, 4, … of each stage only.

    As channel interlacing does, it takes an eighth of the channels from the next frame and an eighth from the previous
    frame. ResNet-50 has 16 shifts, ResNet-101 has 18.
    """
    every = 2 if depths[2] >= DEEP_STAGE else 1

    def at(position: BlockPosition) -> Temporal:
        return Temporal(interlaced=position.block % every == 0)

    return at


class TSM(TSN):
    """TSN with shifts. They add no parameters and no multiplications.

    Args:
        block, depths, settings: see ``TSN``.
        temporal_pool: halves the number of frames before layer2, by the maximum over three frames at stride 2.

    Shape: clips (N, 3, T, H, W), floating point, in; logits (N, num_classes) out.
    """

    def __init__(self, block: Block, depths: Sequence[int], *, temporal_pool: bool = False, **settings: Any) -> None:
        super().__init__(block, depths, temporal=shifts(depths), mask_per_clip=False, **settings)
        self.temporal_pool = temporal_pool
        self.pool = nn.MaxPool3d((3, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)) if temporal_pool else None

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, temporal_pool={self.temporal_pool}"

    def features(self, images: Tensor, num_frames: int) -> tuple[Tensor, int]:
        """The last stage's output (N*T', C, h, w) for images (N*T, 3, H, W), and T': T, or half of it, rounded up."""
        x: Tensor = self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(images)))), num_frames)
        if self.pool is not None:
            clips = self.pool(split_time(x, num_frames))
            x, num_frames = merge_time(clips), clips.shape[2]
        for stage in (self.layer2, self.layer3, self.layer4):
            x = stage(x, num_frames)
        return x, num_frames
