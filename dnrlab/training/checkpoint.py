"""Checkpoints that load without running code."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dnrlab.files import atomic_write, fsync
from dnrlab.recipes.config import recipe_from_dict, recipe_to_dict
from dnrlab.runs.folder import CONFIG, WEIGHTS
from dnrlab.training.loop import Sums

MAY_DIFFER = ("bad_videos", "checkpoint_every")  # a run that a bad video stopped can go on without it


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
    """Write the state of a training run; the file before it stays until the new one is complete.

    ``step`` counts iterations, of which ``so_far`` sums up those since the epoch began; ``config`` and ``classes`` are
    plain values.
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
    """Put a saved state back. Returns its step, and what the epoch had given by then.

    The settings ``MAY_DIFFER`` may be others: no weight depends on them.

    Raises: ValueError if the run was started with another configuration; it lists what differs.
    """
    state = torch.load(file, map_location=device, weights_only=True)
    refuse_other(file, state["config"], config)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict({**schedule.state_dict(), **renamed_schedule(state["schedule"])})
    torch.set_rng_state(state["rng"]["cpu"].cpu())
    if "cuda" in state["rng"] and device.startswith("cuda"):
        torch.cuda.set_rng_state(state["rng"]["cuda"].cpu(), device)
    return int(state["step"]), Sums(**state.get("so_far", {}))  # before, a checkpoint always ended an epoch


def refuse_weights_of_another(run_dir: Path, config: dict[str, Any]) -> None:
    """ValueError if a folder without checkpoint holds weights of another configuration, which would be lost."""
    file = run_dir / CONFIG
    if file.is_file() and (run_dir / WEIGHTS).is_file():
        saved = json.loads(file.read_text(encoding="utf-8"))
        saved.pop("versions", None)
        refuse_other(file, saved, config)


def refuse_other(file: Path, saved: dict[str, Any], config: dict[str, Any]) -> None:
    """ValueError that lists what differs between the configuration in a file and another; it may be an older one."""
    saved = saved | recipe_to_dict(recipe_from_dict(saved))  # fields that came later: their defaults
    saved["training"] |= {name: config["training"][name] for name in MAY_DIFFER}
    saved.setdefault("training_rows", config.get("training_rows"))  # before, only their number was kept
    differing = differences(saved, config)
    if differing:
        raise ValueError(
            f"{file} was written with another configuration:\n  " + "\n  ".join(differing) + "\n"
            "give the same settings to resume, or another run folder (with initial_weights to start from this one)"
        )


def renamed_schedule(saved: dict[str, Any]) -> dict[str, Any]:
    """The names that torch's schedulers keep their state under."""
    return {"last_epoch": saved["last_epoch"], "_last_lr": saved["last_lr"], "_step_count": saved["last_epoch"] + 1}


def differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Lines ``name: before -> now`` for all that differs between two nested dictionaries."""
    lines: list[str] = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{prefix}{name}.")
        elif plain(old) != plain(new):
            lines.append(f"{prefix}{name}: {old!r} -> {new!r}")
    return lines


def plain(value: Any) -> Any:
    """Tuples as lists: JSON knows no tuples."""
    return list(value) if isinstance(value, tuple) else value
