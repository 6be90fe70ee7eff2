"""Where DNR goes in a residual block that was built elsewhere.

An adapter is a function from a block to its parts, or to None for any other module. ``residual_parts`` is the adapter
for blocks with the names of torchvision and timm. For other blocks write one like it, for example

    def slowfast_parts(module):
        if not hasattr(module, "norm_b"):
            return None
        return BlockParts(before="conv_a", norms=("norm_a", "norm_b"))
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

NORMS = (nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.InstanceNorm2d, nn.InstanceNorm3d)


class BlockParts(NamedTuple):
    """Names of modules inside a block.

    ``norms`` are those that DNR replaces. Two norms get cross-layer DNR on the first and cross-temporal DNR on the
    second, as in a bottleneck. One norm gets both, as in a basic block.
    """

    norms: tuple[str, ...]
    before: str = ""  # the first convolution: its input is interlaced; '': no interlacing


Adapter = Callable[[nn.Module], BlockParts | None]


def residual_parts(module: nn.Module) -> BlockParts | None:
    """The parts of a residual block of torchvision or timm, for images or for clips; None for another module.

    Such a block has modules ``conv1`` and ``conv2`` with norms ``bn1`` and ``bn2`` beside them (images), or with a norm
    as a child of their own (clips). A bottleneck has a ``conv3``, too.
    """
    children = dict(module.named_children())
    if "conv1" not in children or "conv2" not in children:
        return None
    first, second = (norm_after(children, number) for number in (1, 2))
    if not first or not second:
        return None
    return BlockParts(norms=(first, second) if "conv3" in children else (first,), before="conv1")


def norm_after(children: dict[str, nn.Module], number: int) -> str:
    """The norm after convolution ``number`` of a block: bn1, or conv1.1 in a network for clips; '' if there is none."""
    if f"bn{number}" in children:
        return f"bn{number}"
    inside = [name for name, child in children[f"conv{number}"].named_children() if is_norm(child)]
    return f"conv{number}.{inside[0]}" if len(inside) == 1 else ""


def why_not(module: nn.Module) -> str:
    """Why DNR cannot stand in for a module; '' if it can."""
    kind = type(module).__name__
    if isinstance(module, nn.SyncBatchNorm):
        return f"{kind} synchronises processes: add DNR first, then call dnrlab.relay.synchronized"
    layer_norm = isinstance(module, nn.LayerNorm) and type(module) is not nn.LayerNorm  # such as LayerNorm2d
    if not isinstance(module, NORMS) and not layer_norm:
        return f"{kind} is no norm over images or clips"
    if not channels_of(module):
        return f"{kind} does not know its channels yet: run the network once"
    if module._forward_hooks or module._forward_pre_hooks:
        return f"{kind} has hooks, which would be lost: remove them first"
    return "" if only_normalizes(module) else f"{kind} does more than normalize, such as an activation"


def only_normalizes(norm: nn.Module) -> bool:
    """Whether a norm of a derived class gives what torch's class gives. It is tried on noise, in evaluation mode."""
    classes: tuple[Any, ...] = (*NORMS, nn.LayerNorm)
    base = next(each for each in classes if isinstance(norm, each))
    if type(norm).forward is base.forward:
        return True
    like = next((each for each in (*norm.parameters(), *norm.buffers()) if each.is_floating_point()), torch.zeros(()))
    if like.is_meta:
        return True  # no values to compare
    own = copy.deepcopy(norm).eval()
    space = (3, 3, 3) if isinstance(norm, nn.BatchNorm3d | nn.InstanceNorm3d) else (3, 3)
    x = torch.randn(2, channels_of(norm), *space, generator=torch.Generator().manual_seed(0)).to(like)
    with torch.no_grad():
        last = base is nn.LayerNorm  # in torch's class the channels come last
        expected = base.forward(own, x.movedim(1, -1)).movedim(-1, 1) if last else base.forward(own, x)
        return torch.allclose(own(x).float(), expected.float(), rtol=1e-2, atol=1e-3)


def channels_of(norm: nn.Module) -> int:
    """C of a norm."""
    shape = getattr(norm, "normalized_shape", (0,))  # layer norm
    return int(getattr(norm, "num_features", 0) or getattr(norm, "num_channels", 0) or shape[0])


def is_norm(module: nn.Module) -> bool:
    """Whether a module normalizes, also if DNR cannot stand in for it."""
    return isinstance(module, nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.LayerNorm)
