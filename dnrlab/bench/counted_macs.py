"""Multiply-accumulates (MACs) of any network, counted by torch in a forward pass without values."""

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def counted_macs(model: nn.Module, *, num_frames: int, size: int) -> int:
    """MACs of the convolutions and matrix products for one clip of T = ``num_frames`` and ``size`` x ``size`` pixels.

    The network runs on the device ``meta``: shapes only, nothing is computed. If it looks at values, or has tensors
    that are no buffers, it runs on its own device instead.
    """
    clip = torch.zeros(1, 3, num_frames, size, size)
    try:
        operations = operations_of(copy.deepcopy(model).to("meta"), clip.to("meta"))
    except (RuntimeError, NotImplementedError):
        device = next((each.device for each in model.parameters()), torch.device("cpu"))
        operations = operations_of(copy.deepcopy(model), clip.to(device))
    return operations // 2  # a multiply-accumulate is two operations


@torch.inference_mode()
def operations_of(model: nn.Module, clip: Tensor) -> int:
    """Floating-point operations of one forward pass, in evaluation mode."""
    counter = FlopCounterMode(display=False)
    with counter:
        model.eval()(clip)
    return int(counter.get_total_flops())
