"""What ``add_dnr`` changes in a network: chosen here, before anything is changed."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from torch import nn

from dnrlab.models.injected import (
    InjectedCrossLayer,
    InjectedCrossLayerTemporal,
    InjectedCrossTemporal,
    InjectedNorm,
)
from dnrlab.models.residual_parts import Adapter, BlockParts, is_norm, why_not
from dnrlab.relay import DNRConfig, RelayNorm
from dnrlab.relay.functional import NUM_PARTS

Choice = str | type[nn.Module]  # of single norms: a name, a pattern or a type

KINDS: dict[type[InjectedNorm], str] = {
    InjectedCrossLayer: "cross_layer",
    InjectedCrossTemporal: "cross_temporal",
    InjectedCrossLayerTemporal: "cross_layer + cross_temporal",
}


class Plan(NamedTuple):
    """Changes, by names of modules."""

    blocks: list[str]  # residual blocks that get DNR
    norms: dict[str, type[InjectedNorm]]  # the layer that replaces each norm
    stages: dict[str, dict[str, str]]  # for each nn.Sequential: its blocks, and the norm with cross-layer DNR of each
    interlaced: list[str]  # modules whose input is interlaced
    left_alone: dict[str, str]  # why


def plan_blocks(model: nn.Module, config: DNRConfig, adapter: Adapter, *, interlacing: bool) -> Plan:
    """DNR in every residual block that ``adapter`` knows, if it fits there.

    Raises: ValueError if the adapter names a module that the block does not have.
    """
    plan = Plan([], {}, {}, [], {})
    for name, parts in residual_blocks(model, adapter).items():
        kinds = kinds_of(parts.norms, config)
        over_layers = [f"{name}.{norm}" for norm, kind in kinds.items() if kind is not InjectedCrossTemporal]
        problem = problem_with(model, name, [f"{name}.{norm}" for norm in kinds], relayed=bool(over_layers))
        if problem:
            plan.left_alone[name] = problem
            continue
        plan.blocks.append(name)
        plan.norms.update({f"{name}.{norm}": kind for norm, kind in kinds.items()})
        stage, _, block = name.rpartition(".")
        for norm in over_layers:
            plan.stages.setdefault(stage, {})[block] = norm
        if interlacing and parts.before:
            plan.interlaced.append(f"{name}.{parts.before}")
    return plan


def residual_blocks(model: nn.Module, adapter: Adapter) -> dict[str, BlockParts]:
    """The parts of all blocks by name, without blocks inside of blocks. ValueError names a part that does not exist."""
    blocks: dict[str, BlockParts] = {}
    first: dict[int, str] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if not name or any(name.startswith(f"{block}.") for block in blocks):
            continue
        parts = adapter(module)
        if parts is None:
            continue
        if not isinstance(parts, BlockParts) or isinstance(parts.norms, str):
            raise TypeError(
                f"expected BlockParts(norms=('bn1',), …) or None from the adapter, got {parts!r} for {name}; correct it"
            )
        if id(module) in first:
            raise ValueError(
                f"expected different blocks, got one block at {first[id(module)]} and {name}; copy it with deepcopy"
            )
        first[id(module)] = name
        inside = dict(module.named_modules())
        missing = [part for part in (*parts.norms, parts.before) if part and part not in inside]
        if missing or len(parts.norms) not in (1, 2):
            raise ValueError(
                f"expected one or two norms and modules of block {name} ({type(module).__name__}), got {parts}; "
                f"correct the adapter (missing: {', '.join(missing) or 'none'}; the block has "
                f"{', '.join(each for each in inside if each)})"
            )
        blocks[name] = parts
    return blocks


def kinds_of(norms: tuple[str, ...], config: DNRConfig) -> dict[str, type[InjectedNorm]]:
    """The layer for each norm of a block; see ``BlockParts``."""
    temporal, layer = config.where in ("both", "temporal"), config.where in ("both", "layer")
    if len(norms) == 1:
        both = InjectedCrossLayerTemporal if temporal and layer else None
        return {norms[0]: both or (InjectedCrossTemporal if temporal else InjectedCrossLayer)}
    first: dict[str, type[InjectedNorm]] = {norms[0]: InjectedCrossLayer} if layer else {}
    return first | ({norms[1]: InjectedCrossTemporal} if temporal else {})


def problem_with(model: nn.Module, block: str, norms: Sequence[str], *, relayed: bool) -> str:
    """Why a block cannot have DNR; '' if it can."""
    for name in norms:
        if reason := why_not(model.get_submodule(name)):
            return f"{name}: {reason}"
    parent = model.get_submodule(block.rpartition(".")[0])
    if relayed and type(parent).forward is not nn.Sequential.forward:
        return (
            f"{type(parent).__name__} calls this block, not an nn.Sequential, so no relay passes from block to block; "
            "DNRConfig(where='temporal') works"
        )
    if relayed and "lstm" in dict(parent.named_children()):
        return "its nn.Sequential has a module lstm already"
    return ""


def plan_norms(model: nn.Module, choices: Sequence[Choice]) -> Plan:
    """Cross-temporal DNR on single norms.

    Raises: ValueError if a choice fits no norm, or names one that DNR cannot stand in for.
    """
    plan, modules = Plan([], {}, {}, [], {}), dict(model.named_modules())
    for choice in choices:
        if isinstance(choice, str) and choice in modules:
            fitting = [choice]
            if reason := why_not(modules[choice]):
                raise ValueError(f"expected a norm for images or clips at {choice}, got none: {reason}; choose another")
        elif isinstance(choice, str):
            fitting = [name for name, each in modules.items() if fnmatchcase(name, choice) and is_norm(each)]
        else:
            fitting = [name for name, each in modules.items() if name and isinstance(each, choice)]
        if not fitting:
            known = [name for name, each in modules.items() if is_norm(each)]
            raise ValueError(
                f"expected norms that fit {choice!r}, got none in {type(model).__name__}; "
                f"its norms are {', '.join(known) or 'none'}"
            )
        for name in fitting:
            if reason := why_not(modules[name]):
                plan.left_alone[name] = reason
            else:
                plan.norms[name] = InjectedCrossTemporal
    return plan


def check_plan(model: nn.Module, plan: Plan, num_frames: int | None) -> None:
    """ValueError if a plan changes nothing or lacks the number of frames."""
    if not plan.norms:
        reasons = "".join(f"\n  {name}: {why}" for name, why in plan.left_alone.items())
        has = any(isinstance(module, RelayNorm) for module in model.modules())
        if has:
            raise ValueError(
                f"expected a network without DNR, got {type(model).__name__}, which has DNR already; add it once"
            )
        raise ValueError(
            f"expected residual blocks or norms that DNR fits, got none in {type(model).__name__}; give adapter=, a "
            f"function from a block to its BlockParts, or norms=, names of norms for images or clips{reasons}"
        )
    images = [name for name in plan.norms if isinstance(model.get_submodule(name), nn.BatchNorm2d | nn.InstanceNorm2d)]
    if images and num_frames is None:
        raise ValueError(
            f"expected num_frames for a network for images ({images[0]} is a "
            f"{type(model.get_submodule(images[0])).__name__}), got None; "
            "give the frames per clip: add_dnr(model, config, num_frames=8)"
        )


def check_widths(model: nn.Module, interlaced: Sequence[str]) -> None:
    """ValueError if the input of a module is too narrow to interlace."""
    for name in interlaced:
        convolutions = (each for each in model.get_submodule(name).modules() if hasattr(each, "in_channels"))
        channels = getattr(next(convolutions, None), "in_channels", NUM_PARTS)
        if isinstance(channels, int) and channels < NUM_PARTS:
            raise ValueError(
                f"expected at least {NUM_PARTS} channels to interlace at {name}, got {channels}; give interlacing=False"
            )
