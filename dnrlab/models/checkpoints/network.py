"""What a converter of weights must know of a network: plain names and shapes, read off its modules."""

from collections.abc import Collection
from typing import NamedTuple

from torch import nn

from dnrlab.models.checkpoints.maps import CLASSIFIER, LSTM, MODULES, TDN_BIASES, TDN_COPY, TDN_STEM
from dnrlab.models.injected import Interlace
from dnrlab.models.tanet import TemporalAdaptiveModule
from dnrlab.models.tdn import TDN
from dnrlab.models.tdn_modules import LongTermModule
from dnrlab.relay import InterlacedConv2d, InterlacedConv3d, RelayCell, RelayNorm

OF_BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class Part(NamedTuple):
    """Tensors that start anew together, if the map of the file allows it and the file has none of them."""

    kind: str  # one of ``maps.ALL``
    names: tuple[str, ...]
    norms: tuple[str, ...] = ()  # of an LSTM: the norms it serves, one of which must have an affine pair in the file


class Network(NamedTuple):
    """The tensors of a network, and what a file may have differently."""

    shapes: dict[str, tuple[int, ...]]  # of its state dict
    parts: tuple[Part, ...]
    replaced: frozenset[str]  # tensors of batch norms that norms in their place do not have
    shifted: frozenset[str]  # blocks that shift channels between frames
    temporal_pool: bool
    around: str  # ``network.`` of ``PerFrame``: the only module, which holds all others; empty without one


def describe(model: nn.Module) -> Network:
    """What a converter must know of a network. It need not be one of dnrlab's."""
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    modules = dict(model.named_modules())
    norms = [name for name, module in modules.items() if isinstance(module, RelayNorm | nn.GroupNorm)]
    parts = [Part(CLASSIFIER, below(shapes, classifier_of(model)))] if classifier_of(model) else []
    temporal = [name for name, each in modules.items() if isinstance(each, TemporalAdaptiveModule | LongTermModule)]
    parts.append(Part(MODULES, tuple(name for module in temporal for name in below(shapes, module))))
    parts += lstm_parts(modules, shapes)
    if isinstance(model, TDN):
        parts += tdn_parts(modules, shapes)
    around = module_around(shapes)
    return Network(
        shapes=shapes,
        parts=tuple(part for part in parts if part.names),
        replaced=frozenset(f"{norm}.{each}" for norm in norms for each in OF_BATCH_NORM) - shapes.keys(),
        shifted=frozenset(name.removeprefix(around).rpartition(".")[0] for name in modules if shifts(modules[name])),
        temporal_pool=bool(getattr(model, "temporal_pool", False)),
        around=around,
    )


def shifts(module: nn.Module) -> bool:
    """Whether a module of a block mixes channels of neighbouring frames, or a hook of ``add_dnr`` does so before it."""
    hooks = module._forward_pre_hooks.values()
    return isinstance(module, InterlacedConv2d | InterlacedConv3d) or any(isinstance(hook, Interlace) for hook in hooks)


def module_around(ours: Collection[str]) -> str:
    """``network.`` if all tensors of a network stand under its only module ``network``; empty otherwise."""
    first = {name.split(".")[0] + "." for name in ours}
    return first.pop() if len(first) == 1 and all("." in name for name in ours) else ""


def below(shapes: dict[str, tuple[int, ...]], module: str) -> tuple[str, ...]:
    """The tensors of a module."""
    return tuple(name for name in shapes if name.startswith(f"{module}."))


def classifier_of(model: nn.Module) -> str:
    """The last linear layer, but for those of DNR's LSTMs and of temporal modules; empty without one."""
    inner = [name for name, module in model.named_modules() if isinstance(module, RelayCell | TemporalAdaptiveModule)]
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    outside = [name for name in linear if not any(name.startswith(f"{part}.") for part in inner)]
    return outside[-1] if outside else ""


def lstm_parts(modules: dict[str, nn.Module], shapes: dict[str, tuple[int, ...]]) -> list[Part]:
    """One part per LSTM. It serves the norm that it is in; or, in a stage, all DNR norms of the stage."""
    norms = [name for name, module in modules.items() if isinstance(module, RelayNorm)]
    parts = []
    for cell in (name for name, module in modules.items() if isinstance(module, RelayCell)):
        served = [norm for norm in norms if cell.startswith(f"{norm}.")]
        served = served or [norm for norm in norms if norm.startswith(f"{cell.rpartition('.')[0]}.")] or norms
        parts.append(Part(LSTM, below(shapes, cell), tuple(served)))
    return parts


def tdn_parts(modules: dict[str, nn.Module], shapes: dict[str, tuple[int, ...]]) -> list[Part]:
    """What TDN has beside a ResNet and its temporal modules."""
    biases = [f"{name}.bias" for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    return [
        Part(TDN_STEM, below(shapes, "difference")),
        Part(TDN_COPY, tuple(name for name in below(shapes, "layer1_difference") if name not in biases)),
        Part(TDN_BIASES, tuple(name for name in biases if name in shapes)),
    ]
