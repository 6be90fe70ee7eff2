"""Load tensors into a network; every name must match."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

SHOWN = 6  # tensors that an error names
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # load into each other


def load_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load ``tensors`` into ``model``; names and shapes must be the same on both sides.

    Files of other networks and other projects go through ``dnrlab.load_weights``.

    Raises: what ``check_tensors`` raises.
    """
    check_tensors(model, tensors)
    model.load_state_dict(tensors)


def check_tensors(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """ValueError with the number of tensors that do not fit a network, and the names of the first of them."""
    ours, theirs = ({name: form(value) for name, value in each.items()} for each in (model.state_dict(), tensors))
    unfit = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    if unfit:
        lines = [f"{name}: expected {ours.get(name)}, got {theirs.get(name)}" for name in unfit[:SHOWN]]
        raise ValueError(
            f"expected the network's tensors, got {len(unfit)} of {len({**ours, **theirs})} that do not fit; "
            "give weights of this network (None: no such tensor)\n  " + "\n  ".join(lines)
        )


def form(tensor: Tensor) -> str:
    """Shape of a tensor, and its type if that is not one of ``FLOATS``: ``(64, 3, 7, 7)``, ``() of int64``."""
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{tuple(tensor.shape)}" if tensor.dtype in FLOATS else f"{tuple(tensor.shape)} of {kind}"


def count_parameters(model: nn.Module) -> int:
    """Number of parameters of a network."""
    return sum(parameter.numel() for parameter in model.parameters())
