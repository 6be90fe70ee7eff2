"""Multiply-accumulates (MACs) of DNR's LSTM steps, and sizes after a stride, for networks of images and of clips."""

from math import ceil

from dnrlab.relay import DNRConfig


def halved(side: int) -> int:
    """Pixels after a convolution or pooling of stride 2, padded by half its kernel."""
    return ceil(side / 2)


def relay_macs(channels: int, frames: int, dnr: DNRConfig) -> int:
    """MACs of the LSTM steps of one block: one step per frame group and one for the block, 2.5 C^2 each at r = 4."""
    step = 10 * channels * (channels // dnr.reduction) + (dnr.depth - 1) * 8 * channels**2
    groups = ceil(frames / dnr.relay_distance) * (1 if dnr.direction == "uni" else 2)
    steps = {"both": groups + 1, "temporal": groups, "layer": 1}
    return steps[dnr.where] * step
