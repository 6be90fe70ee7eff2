"""Multiply-accumulates (MACs) of a network in closed form: convolutions and matrix products of one clip.

1 MAC is 2 FLOPs, and the papers' "GFLOPs" are these MACs. Norms, pooling and activations are not counted,
as in the papers.
Axes: T frames, C channels; c = C / 16.
"""

from math import ceil
from typing import NamedTuple

from dnrlab.bench.counted_macs import counted_macs
from dnrlab.bench.macs3d import macs3d
from dnrlab.bench.macs_of_relay import halved, relay_macs
from dnrlab.models.blocks import Bottleneck
from dnrlab.models.create import check_pool, create_model, parsed
from dnrlab.models.own import is_own
from dnrlab.models.resnet3d import PLANS
from dnrlab.relay import DNRConfig


def macs(
    name: str,
    *,
    num_classes: int = 400,
    num_frames: int = 8,
    size: int = 224,
    width: int = 64,
    dnr: DNRConfig | None = None,
    temporal_pool: bool = False,
) -> int:
    """MACs of one clip of T = ``num_frames`` frames (for TDN: segments) of ``size`` x ``size`` pixels.

    TSN-ResNet-50 with 400 classes takes 32,703,643,648 at 8 x 224 x 224.

    Raises: ValueError, see ``create_model``.
    """
    check_pool(name, temporal_pool)
    if is_own(name):
        model = create_model(name, num_classes=num_classes, num_frames=num_frames, width=width, dnr=dnr)
        return counted_macs(model, num_frames=num_frames, size=size)
    if name in PLANS:
        return macs3d(PLANS[name], num_classes=num_classes, num_frames=num_frames, size=size, width=width, dnr=dnr)
    family, block, depths = parsed(name)
    bottleneck, frames = block is Bottleneck, num_frames
    side = halved(halved(size))  # after stem and pooling
    total = frames * halved(size) ** 2 * 3 * width * 49
    if family == "tdn":
        total += frames * halved(size // 2) ** 2 * 12 * width * 49
        first = StageShape(width, width, halved(halved(size // 2)), 1, bottleneck)
        total += frames * sum(block_macs(first, number) for number in range(depths[0]))
    in_channels = width
    for index, blocks in enumerate(depths):
        if index == 1 and temporal_pool:
            frames = ceil(frames / 2)
        stage = StageShape(in_channels, width * 2**index, side, 1 if index == 0 else 2, bottleneck)
        for number in range(blocks):
            inside = stage.inner_side(number)
            total += frames * block_macs(stage, number)
            if family == "tanet":
                total += adaptive_macs(stage.channels, frames, inside)
            if family == "tdn" and index > 0:
                total += frames * long_term_macs(stage.channels, inside)
            total += 0 if dnr is None else relay_macs(stage.channels, frames, dnr)
        side, in_channels = stage.out_side, stage.out_channels
    return total + frames * in_channels * num_classes


class StageShape(NamedTuple):
    """Sizes of a stage."""

    in_channels: int  # of its first block
    channels: int  # C, after the first convolution of a block
    side: int  # of its input, pixels
    stride: int  # of its first block
    bottleneck: bool

    @property
    def out_side(self) -> int:
        """Side of its output, pixels."""
        return halved(self.side) if self.stride == 2 else self.side

    @property
    def out_channels(self) -> int:
        """Channels of the output of every block."""
        return self.channels * (Bottleneck.expansion if self.bottleneck else 1)

    def inner_side(self, block: int) -> int:
        """Side in pixels of the map after a block's first convolution, which has stride 1 in a bottleneck."""
        return self.side if block == 0 and self.bottleneck else self.out_side


def block_macs(stage: StageShape, block: int) -> int:
    """MACs of the convolutions of one block, per frame."""
    in_channels = stage.in_channels if block == 0 else stage.out_channels
    inner, outer, c = stage.inner_side(block) ** 2, stage.out_side**2, stage.channels
    if stage.bottleneck:
        total = inner * in_channels * c + outer * c * c * 9 + outer * c * stage.out_channels
    else:
        total = outer * in_channels * c * 9 + outer * c * c * 9
    reshaped = block == 0 and (stage.stride == 2 or in_channels != stage.out_channels)
    return total + (outer * in_channels * stage.out_channels if reshaped else 0)


def adaptive_macs(channels: int, frames: int, side: int) -> int:
    """MACs of TANet's module: global branch, local branch, and the convolution along T."""
    inner = max(channels // 4, 1)
    branches = channels * (frames * 2 * frames + 2 * frames * 3) + frames * channels * inner * (3 + 1)
    return branches + channels * frames * side**2 * 3


def long_term_macs(channels: int, side: int) -> int:
    """MACs of TDN's module, per frame: squeeze, neighbour, both directions of the excitation, and the shift."""
    inner, pixels, half = max(channels // 16, 1), side**2, (side // min(2, side)) ** 2
    direction = half * inner**2 * 9 + pixels * inner**2 * 9 + pixels * inner * channels
    return pixels * (channels * inner + inner * 9 + channels * 3) + 2 * direction
