"""Multiply-accumulates (MACs) of any network, counted by torch in a forward pass without values."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dnrlab.relay import RelayCell
from dnrlab.relay.functional import CellState
from dnrlab.relay.interlacing import InterlacedConv2d


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
    """Floating-point operations of one forward pass, in evaluation mode.

    The first step of a relay has products with zeros, which the cells leave out. The paper counts them, so here cells
    start from a state of zeros. Interlaced convolutions may leave out products with zeros at the ends of a clip, in
    operations that torch does not count. They have as many as plain ones, and are counted so. ``model`` is changed.
    """
    for module in model.modules():
        if isinstance(module, RelayCell):
            module.register_forward_pre_hook(start_from_zeros)
        if isinstance(module, InterlacedConv2d):
            module.__class__ = nn.Conv2d  # type: ignore[assignment]
            module.register_forward_pre_hook(lambda _, inputs: inputs[:1])  # without T
    counter = FlopCounterMode(display=False)
    with counter:
        model.eval()(clip)
    return int(counter.get_total_flops())


def start_from_zeros(cell: RelayCell, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """A hook that gives a cell's first step a state."""
    if len(inputs) > 1 and inputs[1] is not None:
        return None
    zeros = inputs[0].new_zeros(len(inputs[0]), cell.channels)
    return inputs[0], (CellState(zeros, zeros),) * cell.depth
