"""Checkpoints that load without running code."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dnrlab.files import atomic_write, explain_read_errors, fsync
from dnrlab.recipes.config import recipe_from_dict, recipe_to_dict
from dnrlab.runs.folder import CONFIG, WEIGHTS, read_config
from dnrlab.training.loop import Sums

RESTART = "remove it; the training then starts again"

MAY_DIFFER = ("bad_videos", "checkpoint_every")  # so that a run that a bad video stopped can resume without it


def save_checkpoint(
    file: Path,
    model: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler,
    *,
    step: int,
    so_far: Sums,
    config: dict[str, Any],
    classes: tuple[str, ...],
) -> None:
    """Write the state of a training run. The previous file stays until the new one is complete.

    Args:
        step: iterations done so far.
        so_far: sums over the iterations of the current epoch.
        config, classes: plain values.
    """
    device = next(model.parameters()).device
    rng = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        rng["cuda"] = torch.cuda.get_rng_state(device)
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": {"last_epoch": schedule.last_epoch, "last_lr": schedule.get_last_lr()},
        "step": step,
        "so_far": asdict(so_far),
        "rng": rng,
        "config": config,
        "classes": list(classes),
    }
    with atomic_write(file) as unfinished:
        torch.save(state, unfinished)
        fsync(unfinished)


def load_checkpoint(
    file: Path, model: nn.Module, optimizer: Optimizer, schedule: LRScheduler, *, config: dict[str, Any], device: str
) -> tuple[int, Sums]:
    """Restore a saved state. Returns its step and the sums of its epoch so far.

    The settings in ``MAY_DIFFER`` may differ from the saved ones: the weights do not depend on them.

    Raises: ValueError that lists the differences, if the run was started with another configuration; ValueError if the
        file cannot be read.
    """
    with explain_read_errors(file, RESTART):
        state = torch.load(file, map_location=device, weights_only=True)
        state["config"], state["model"], state["step"]
    refuse_other(file, state["config"], config)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict({**schedule.state_dict(), **renamed_schedule(state["schedule"])})
    torch.set_rng_state(state["rng"]["cpu"].cpu())
    if "cuda" in state["rng"] and device.startswith("cuda"):
        torch.cuda.set_rng_state(state["rng"]["cuda"].cpu(), device)
    return int(state["step"]), sums_from(state.get("so_far", {}))  # older checkpoints have no so_far: they end an epoch


def sums_from(values: dict[str, Any]) -> Sums:
    """The sums in a checkpoint. Older checkpoints call ``correct`` ``right``."""
    return Sums(**{"correct" if name == "right" else name: value for name, value in values.items()})


def refuse_weights_of_another(run_dir: Path, config: dict[str, Any]) -> None:
    """ValueError if a folder without checkpoint holds weights of another configuration. A run would overwrite them."""
    file = run_dir / CONFIG
    if file.is_file() and (run_dir / WEIGHTS).is_file():
        saved = read_config(run_dir)
        saved.pop("versions", None)
        refuse_other(file, saved, config)


def refuse_other(file: Path, saved: dict[str, Any], config: dict[str, Any]) -> None:
    """ValueError that lists the differences between a saved configuration and another. The file may be an older one."""
    saved = saved | recipe_to_dict(recipe_from_dict(saved))  # fields that an older file lacks take their defaults
    saved["training"] |= {name: config["training"][name] for name in MAY_DIFFER}
    saved.setdefault("training_rows", config.get("training_rows"))  # older files hold only their number
    differing = differences(saved, config)
    if differing and all(line.startswith("model_source: ") for line in differing):
        raise ValueError(
            f"expected the source file of {config['model']['name']} as at the start of {file.parent}, got a changed "
            "file; restore it to resume, or give another run folder (initial_weights can start from this one)"
        )
    if differing:
        raise ValueError(
            f"expected the configuration of {file}, got another:\n  " + "\n  ".join(differing) + "\n"
            "give the same settings to resume, or another run folder (initial_weights can start from this one)"
        )


def renamed_schedule(saved: dict[str, Any]) -> dict[str, Any]:
    """The schedule's state under the names of torch's schedulers."""
    return {"last_epoch": saved["last_epoch"], "_last_lr": saved["last_lr"], "_step_count": saved["last_epoch"] + 1}


def differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Lines ``name: before -> now`` for all differences between two nested dictionaries."""
    lines: list[str] = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{prefix}{name}.")
        elif plain(old) != plain(new):
            lines.append(f"{prefix}{name}: {old!r} -> {new!r}")
    return lines


def plain(value: Any) -> Any:
    """Tuples as lists: JSON has no tuples."""
    return list(value) if isinstance(value, tuple) else value
