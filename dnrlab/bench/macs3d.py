"""Multiply-accumulates (MACs) of a 3D network in closed form: convolutions and matrix products of one clip.

Axes: T frames, C channels. See ``macs`` for what is counted.
"""

from math import prod

from dnrlab.bench.macs_of_relay import halved, relay_macs
from dnrlab.models.blocks3d import middle_channels
from dnrlab.models.resnet3d import Plan, frames_of_stages, middle_of_stem
from dnrlab.relay import DNRConfig

Size = tuple[int, int, int]  # frames, height, width of a map


def macs3d(plan: Plan, *, num_classes: int, num_frames: int, size: int, width: int, dnr: DNRConfig | None) -> int:
    """MACs of one clip of T = ``num_frames`` frames of ``size`` x ``size`` pixels.

    r3d_18 with 400 classes takes 40,696,553,472 at 16 x 112 x 112, torchvision states 40.697 GFLOPS.
    """
    slow, side = plan.stem == "slow", halved(size)
    total = stem_macs(plan, (num_frames, side, side), width)
    side = halved(side) if slow else side
    before, in_channels, num_before = side, width, num_frames
    for index, (kind, depth) in enumerate(zip(plan.kinds, plan.depths, strict=True)):
        channels, frames = width * 2**index, frames_of_stages(plan, num_frames)[index]
        side = halved(before) if index else before
        outer = (frames, side, side)
        for number in range(depth):
            first = number == 0
            inner = (num_before, before, before) if first else outer
            if slow:
                total += bottleneck_macs(in_channels, channels, int(kind), inner, outer)
            else:
                total += basic_macs(kind, in_channels, channels, outer, frames if not first else num_before)
            out_channels = channels * (4 if slow else 1)
            reshaped = first and (index > 0 or in_channels != out_channels)
            total += prod(outer) * in_channels * out_channels if reshaped else 0
            total += 0 if dnr is None else relay_macs(channels, frames, dnr)
            in_channels = out_channels
        before, num_before = side, frames
    return total + in_channels * num_classes


def stem_macs(plan: Plan, out: Size, width: int) -> int:
    """MACs of the convolutions before the stages; ``out`` is the map after the first one."""
    if plan.stem == "separate":
        middle = middle_of_stem(width)
        return prod(out) * (3 * middle * 49 + middle * width * 3)
    return prod(out) * 3 * width * 49 * (3 if plan.stem == "full" else 1)


def bottleneck_macs(in_channels: int, channels: int, frames: int, inner: Size, outer: Size) -> int:
    """MACs of one bottleneck, whose first convolution covers ``frames`` and has the map ``inner``."""
    first = prod(inner) * in_channels * channels * frames
    return first + prod(outer) * (channels * channels * 9 + channels * 4 * channels)


def basic_macs(kind: str, in_channels: int, channels: int, out: Size, num_before: int) -> int:
    """MACs of the two convolutions of a basic block, with T = ``num_before`` before the first."""
    if kind != "separate":
        return prod(out) * (in_channels + channels) * channels * (27 if kind == "full" else 9)
    middle, (_, height, width) = middle_channels(in_channels, channels), out
    over_space = (num_before * in_channels + out[0] * channels) * height * width * middle * 9
    return over_space + 2 * prod(out) * middle * channels * 3
