"""Where DNR goes in a residual block that was built elsewhere.

An adapter is a function from a block to its parts, or to None for any other module. ``residual_parts`` is the adapter
for blocks with the names of torchvision and timm. For other blocks write one like it, for example

    def slowfast_parts(module):
        if not hasattr(module, "norm_b"):
            return None
        return BlockParts(before="conv_a", norms=("norm_a", "norm_b"))
"""

from collections.abc import Callable
from typing import NamedTuple

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
    among their own children (clips). A bottleneck has a ``conv3``, too.
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
    more = [name for name, child in module.named_children() if not isinstance(child, nn.Identity)]
    if more:
        return f"{kind} also applies {', '.join(more)}"
    return "" if channels_of(module) else f"{kind} does not know its channels yet: run the network once"


def channels_of(norm: nn.Module) -> int:
    """C of a norm."""
    shape = getattr(norm, "normalized_shape", (0,))  # layer norm
    return int(getattr(norm, "num_features", 0) or getattr(norm, "num_channels", 0) or shape[0])


def is_norm(module: nn.Module) -> bool:
    """Whether a module normalizes, also if DNR cannot stand in for it."""
    return isinstance(module, nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.LayerNorm)
