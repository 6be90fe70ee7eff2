"""``add_dnr``: DNR in a network that was built elsewhere.

It works in three steps: choose what to replace, build the new layers, put them in. An error in the first two leaves the
network as it was.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.utils.parametrize import is_parametrized

from dnrlab.models.inject_plan import (
    KINDS,
    Choice,
    Plan,
    check_plan,
    check_widths,
    plan_blocks,
    plan_norms,
    residual_blocks,
)
from dnrlab.models.injected import InjectedNorm, Interlace, RelayedStage
from dnrlab.models.residual_parts import Adapter, channels_of, is_norm, residual_parts
from dnrlab.models.stages import Stage
from dnrlab.relay import DNRConfig, InterlacedConv2d, InterlacedConv3d, RelayCell
from dnrlab.relay.config import PAPER


class Replaced(NamedTuple):
    """A norm that DNR replaced."""

    layer: str
    kind: str  # cross_layer, cross_temporal, or both
    channels: int
    note: str = ""  # on running statistics that could not be taken over


class LeftAlone(NamedTuple):
    """A norm or a block that stays as it was."""

    layer: str
    why: str


class Report(NamedTuple):
    """What ``add_dnr`` changed; ``print`` shows it as a table."""

    replaced: list[Replaced]
    interlaced: list[str]  # modules whose input is interlaced
    left_alone: list[LeftAlone]

    def __str__(self) -> str:
        rows = [(each.layer, each.kind, f"{each.channels} channels{each.note}") for each in self.replaced]
        rows += [(layer, "left alone", why) for layer, why in self.left_alone]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        lines = [f"  {layer:<{widths[0]}}  {kind:<{widths[1]}}  {text}" for layer, kind, text in rows]
        counts = f"{len(self.replaced)} norms replaced, {len(self.interlaced)} inputs interlaced"
        return "\n".join([f"DNR: {counts}, {len(self.left_alone)} left alone", *lines])


def add_dnr(
    model: nn.Module,
    config: DNRConfig = PAPER,
    *,
    num_frames: int | None = None,
    interlacing: bool | None = None,
    adapter: Adapter = residual_parts,
    norms: Choice | Sequence[Choice] = (),
) -> Report:
    """Put DNR into a network in place: residual networks of torchvision and timm, and any blocks with an adapter.

    Inputs, outputs and the names of all tensors stay. Convolutions and the other norms stay as they are. A DNR layer
    takes over the running statistics of the norm that it replaces, but not its affine pair. Blocks with cross-layer DNR
    must be steps of an ``nn.Sequential``, which becomes a ``RelayedStage``. Call this before making the optimizer and
    before wrapping the network for several processes.

    Args:
        model: a network for clips (N, 3, T, H, W), or for images (N*T, 3, H, W) in the order of the clips.
        config: settings of DNR.
        num_frames: T of the clips of a network for images; see ``set_num_frames``. A network for clips ignores it.
        interlacing: channel interlacing before the first convolution of each block. None: on, but off with ``norms``.
        adapter: from a block to its ``BlockParts``, or to None for any other module.
        norms: in place of blocks: single norms that get cross-temporal DNR, by name, by pattern (``layer4.*.bn2``, as
            in ``fnmatch``), or by type.

    Returns: what was replaced, and what was left alone and why.

    Raises: ValueError if nothing can be replaced, a choice of ``norms`` fits no norm, an adapter names a module that
        does not exist, a network for images comes without ``num_frames``, or an option does not fit. TypeError if
        ``model`` or ``config`` has another type.
    """
    check_arguments(model, config, num_frames, interlacing, norms)
    if norms:
        plan = plan_norms(model, [norms] if isinstance(norms, str | type) else norms)
    else:
        plan = plan_blocks(model, config, adapter, interlacing=interlacing is not False)
    check_plan(model, plan, num_frames)
    check_widths(model, plan.interlaced)
    new = {name: injected(model, name, kind, config, num_frames) for name, kind in plan.norms.items()}
    cells = {stage: stage_cells(model, stage, plan, config) for stage in plan.stages}
    report = report_on(model, plan, config)
    put_norms(model, new)
    for stage, (of_block, made) in cells.items():
        relay_stage(model.get_submodule(stage), of_block, made)
    interlace(model, plan.interlaced, num_frames)
    return report


def add_interlacing(model: nn.Module, *, num_frames: int | None = None, adapter: Adapter = residual_parts) -> list[str]:
    """Interlace the channels before the first convolution of every residual block, without DNR.

    Args: see ``add_dnr``.

    Returns: the names of these convolutions.

    Raises: ValueError if no block is known, or a map is too narrow.
    """
    blocks = residual_blocks(model, adapter)
    names = [f"{name}.{parts.before}" for name, parts in blocks.items() if parts.before]
    if not names:
        raise ValueError(f"expected residual blocks to interlace, got none in {type(model).__name__}; give adapter=")
    check_widths(model, names)
    interlace(model, names, num_frames)
    return names


def interlace(model: nn.Module, names: Sequence[str], num_frames: int | None) -> None:
    """Interlace the input of some modules; of one that has several names once.

    torch's convolutions become dnrlab's. They stay the same objects, so references and hooks stay. A hook stands before
    any other module.
    """
    for module in {id(each): each for each in map(model.get_submodule, names)}.values():
        inner = module
        while type(inner).forward is nn.Sequential.forward and len(inner) and not has_hooks(inner):  # type: ignore[arg-type]
            inner = next(iter(inner.children()))
        of_torch = type(inner).forward in (nn.Conv2d.forward, nn.Conv3d.forward) and not is_parametrized(inner)
        if not of_torch or inner.padding_mode != "zeros" or isinstance(inner.padding, str):
            module.register_forward_pre_hook(Interlace(num_frames))
            continue
        inner.__class__ = InterlacedConv2d if isinstance(inner, nn.Conv2d) else InterlacedConv3d
        inner.num_frames = num_frames  # type: ignore[assignment]


def has_hooks(module: nn.Module) -> bool:
    """Whether something looks at the input or output of a module."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def check_arguments(
    model: nn.Module,
    config: DNRConfig,
    num_frames: int | None,
    interlacing: bool | None,
    norms: Choice | Sequence[Choice],
) -> None:
    """Raise for an argument of ``add_dnr`` that does not fit."""
    for value, kind in ((model, nn.Module), (config, DNRConfig)):
        if not isinstance(value, kind):
            raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}; call add_dnr(model, DNRConfig())")
    if num_frames is not None and (not isinstance(num_frames, int) or num_frames < 1):
        raise ValueError(f"expected num_frames of at least 1, got {num_frames!r}; give the frames per clip")
    modules = list(model.modules())
    if any(isinstance(each, Stage) for each in modules):
        raise ValueError(
            "expected a network built elsewhere, got one of create_model; give create_model(…, dnr=config)"
        )
    if any(isinstance(each, DataParallel | DistributedDataParallel) for each in modules):
        raise ValueError("expected a network of one process, got a wrapped one; call add_dnr before wrapping it")
    if norms and interlacing:
        raise ValueError("expected no interlacing with norms, which are in no block, got True; leave it out")
    if norms and config.where == "layer":
        raise ValueError("expected where 'both' or 'temporal' with norms, got 'layer'; a single norm relays over time")


def injected(
    model: nn.Module, name: str, kind: type[InjectedNorm], config: DNRConfig, num_frames: int | None
) -> InjectedNorm:
    """The DNR layer for the norm of a name, with its running statistics, device, dtype and mode."""
    norm = model.get_submodule(name)
    momentum = getattr(norm, "momentum", None)
    options = {"eps": float(norm.eps), "momentum": 0.1 if momentum is None else float(momentum)}  # type: ignore[arg-type]
    layer = kind(channels_of(norm), config, **options)
    layer.num_frames, layer.name = num_frames, name
    tensors = (*norm.parameters(), *norm.buffers(), *model.parameters())
    like = next((each for each in tensors if each.is_floating_point()), None)
    if like is not None:
        layer.to(like.device, like.dtype)
    if config.standardization == "batch" and has_statistics(norm):
        layer.running_mean.copy_(norm.running_mean)  # type: ignore[arg-type]
        layer.running_var.copy_(norm.running_var)  # type: ignore[arg-type]
    return layer.train(norm.training)


def has_statistics(norm: nn.Module) -> bool:
    """Whether a norm has running statistics to take over."""
    return isinstance(getattr(norm, "running_mean", None), torch.Tensor)


def stage_cells(
    model: nn.Module, stage: str, plan: Plan, config: DNRConfig
) -> tuple[dict[str, str], dict[str, RelayCell]]:
    """The cell's name for each block of a stage, and the cells: one for each run of blocks of equal width.

    The first is ``lstm``, as in dnrlab's own networks.
    """
    of_block: dict[str, str] = {}
    cells: dict[str, RelayCell] = {}
    for block, norm in plan.stages[stage].items():
        old = model.get_submodule(norm)
        if not cells or next(reversed(cells.values())).channels != channels_of(old):
            cell = RelayCell(channels_of(old), config.reduction, config.depth)
            like = next((each for each in model.get_submodule(f"{stage}.{block}".lstrip(".")).parameters()), None)
            cells["lstm" if not cells else f"lstm_{block}"] = cell if like is None else cell.to(like.device, like.dtype)
        of_block[block] = next(reversed(cells))
    return of_block, cells


def put_norms(model: nn.Module, new: dict[str, InjectedNorm]) -> None:
    """Put each new layer wherever the network has the norm of that name."""
    by_norm = {id(model.get_submodule(name)): layer for name, layer in new.items()}
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in by_norm:
                setattr(parent, name, by_norm[id(child)])


def relay_stage(stage: nn.Module, of_block: dict[str, str], cells: dict[str, RelayCell]) -> None:
    """Turn an ``nn.Sequential`` into a ``RelayedStage``. It stays the same object, so references and hooks stay."""
    for name, cell in cells.items():
        stage.add_module(name, cell.train(stage.training))
    stage.__class__ = RelayedStage
    stage.cell_of = of_block  # type: ignore[assignment]


def report_on(model: nn.Module, plan: Plan, config: DNRConfig) -> Report:
    """What a plan changes."""
    replaced = []
    for name, kind in plan.norms.items():
        norm = model.get_submodule(name)
        anew = config.standardization == "batch" and not has_statistics(norm)
        note = "; running statistics start anew: train before evaluating" if anew else ""
        replaced.append(Replaced(name, KINDS[kind], channels_of(norm), note))
    left = [LeftAlone(*each) for each in plan.left_alone.items()]
    for name, module in model.named_modules():
        if is_norm(module) and name not in plan.norms and name not in plan.left_alone:
            block = next((block for block in plan.blocks if name.startswith(f"{block}.")), "")
            other = "in no residual block with DNR" if plan.blocks else "not chosen by norms"
            left.append(LeftAlone(name, f"DNR goes on the first norms of block {block}" if block else other))
    return Report(replaced, plan.interlaced, left)
