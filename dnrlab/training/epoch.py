"""One epoch of a training, with checkpoints within it."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn
from tqdm import tqdm

from dnrlab.data.decode.types import Reader
from dnrlab.data.loading import TrainingBatch
from dnrlab.data.manifest import Manifest
from dnrlab.device import Runtime
from dnrlab.distributed import World, all_gather
from dnrlab.recipes.config import Recipe
from dnrlab.runs.folder import CHECKPOINT
from dnrlab.training.bad_videos import readable, write_skipped
from dnrlab.training.checkpoint import save_checkpoint
from dnrlab.training.loop import Sums, train_steps
from dnrlab.training.progress import Clock, step_line
from dnrlab.training.schedule import Plan, rate_at
from dnrlab.training.state import State

log = logging.getLogger("dnrlab")


class Task(NamedTuple):
    """What stays the same while a run trains."""

    recipe: Recipe
    config: dict[str, Any]  # see ``run_config``
    plan: Plan
    train_set: Manifest
    val_set: Manifest | None
    reader: Reader
    run_dir: Path
    runtime: Runtime
    world: World


def train_epoch(
    task: Task,
    state: State,
    model: nn.Module,
    batches: Iterator[TrainingBatch],
    *,
    step: int,
    so_far: Sums,
    bad: dict[int, str],
    clock: Clock,
) -> Sums:
    """Train from ``step`` to the end of its epoch, with checkpoints within it. Returns the sums of the whole epoch.

    ``bad`` collects, by row, why a video cannot be read.

    Raises: FloatingPointError that names the last good checkpoint, if the loss or its gradient is not finite;
        ValueError if no clip could be read.
    """
    training, world, stops = task.recipe.training, task.world, task.plan.stops(step)
    epoch = step // task.plan.steps_per_epoch
    bar = tqdm(  # every 10 s: an executed notebook stores each update of the bar
        total=task.plan.steps_per_epoch,
        initial=step - epoch * task.plan.steps_per_epoch,
        desc=f"epoch {epoch + 1}/{task.plan.epochs}",
        leave=False,
        disable=not (task.runtime.progress and world.is_main),
        mininterval=10,
    )
    with bar:
        for stop in stops:
            start = time.perf_counter()
            read = readable(shown(islice(batches, stop - step), bar), task.train_set, training.bad_videos, bad)
            try:
                sums = train_steps(
                    model,
                    read,
                    state.optimizer,
                    state.schedule,
                    device=task.runtime.device,
                    clip_norm=training.clip_norm,
                    seed=training.seed,
                    world=world,
                )
            except FloatingPointError as error:
                raise FloatingPointError(f"{error}; {last_good(task, step)}") from error
            so_far, step = so_far + replace(sums, seconds=time.perf_counter() - start), stop
            bad |= {row: reason for rank_bad in all_gather(bad, world) for row, reason in rank_bad.items()}
            if world.is_main:
                write_skipped(task.run_dir, task.train_set, bad)
            if world.is_main and stop != stops[-1]:
                save(task, state, step, so_far)
                line = step_line(row_of(task.plan, state, step, so_far), step, task.plan.total_steps)
                log.info(line + clock.left(step))
    if so_far.clips == 0:
        raise ValueError("expected clips to train on, got none; 'dnrlab manifest check' lists bad videos")
    return so_far


def shown(batches: Iterator[TrainingBatch], bar: "tqdm[Any]") -> Iterator[TrainingBatch]:
    """Yield the batches and advance the bar with each."""
    for batch in batches:
        yield batch
        bar.update()


def row_of(plan: Plan, state: State, step: int, so_far: Sums) -> dict[str, Any]:
    """The history row of an epoch that has reached ``step``, its end or not, before validation."""
    epoch = (step - 1) // plan.steps_per_epoch
    begin = epoch * plan.steps_per_epoch
    row = {"epoch": epoch, "lr": rate_at(state.schedule, begin)} | so_far.means()
    row["skipped"] = (step - begin) * plan.clips_per_step - so_far.clips
    return row | {"seconds": round(max(so_far.seconds, 0.01), 2), "val_top1": float("nan")}


def save(task: Task, state: State, step: int, so_far: Sums) -> None:
    """Write the run's checkpoint."""
    file, classes = task.run_dir / CHECKPOINT, task.train_set.classes
    save_checkpoint(file, *state, step=step, so_far=so_far, config=task.config, classes=classes)


def last_good(task: Task, step: int) -> str:
    """From which checkpoint a diverged run can resume."""
    file = task.run_dir / CHECKPOINT
    return f"the last good checkpoint is {file} of step {step}" if step else "there is no checkpoint yet"
