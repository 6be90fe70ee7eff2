"""Multiply-accumulates (MACs) of any network, counted by torch in a forward pass without values."""

import copy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def counted_macs(model: nn.Module, *, num_frames: int, size: int) -> int:
    """MACs of the convolutions and matrix products for one clip of T = ``num_frames`` and ``size`` x ``size`` pixels.

    The network runs on the device ``meta``: shapes only, nothing is computed.
    """
    shapes = copy.deepcopy(model).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        shapes(torch.empty(1, 3, num_frames, size, size, device="meta"))
    return int(counter.get_total_flops()) // 2  # a multiply-accumulate is two operations
