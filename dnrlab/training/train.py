"""A training run from manifest to run folder."""

import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from dnrlab.data.dataset import TrainingClips
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.loading import training_batches
from dnrlab.data.manifest import Manifest, select
from dnrlab.device import ON_CPU, Runtime
from dnrlab.distributed import ALONE, World, all_gather
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.recipes.config import Recipe
from dnrlab.runs.folder import (
    CHECKPOINT,
    LOG,
    SKIPPED_IN_TRAINING,
    log_to,
    read_history,
    run_config,
    write_config,
    write_epoch,
)
from dnrlab.training.bad_videos import count_skipped, write_skipped
from dnrlab.training.checkpoint import load_checkpoint, refuse_weights_of_another
from dnrlab.training.epoch import Task, row_of, save, train_epoch
from dnrlab.training.fatal_errors import no_restart
from dnrlab.training.loop import Sums
from dnrlab.training.progress import Clock, epoch_line, tensorboard
from dnrlab.training.schedule import make_plan, warmup_steps
from dnrlab.training.state import State, fresh_state, in_step, share_buffers, start_from

log = logging.getLogger("dnrlab")


def train(
    recipe: Recipe,
    manifest: Manifest,
    run_dir: str | Path,
    runtime: Runtime = ON_CPU,
    *,
    world: World = ALONE,
) -> pd.DataFrame:
    """Train on the split ``train``, validate on ``val``, and keep all in ``run_dir``. The same call again resumes.

    Writes ``config.json``, ``log.txt``, ``checkpoint.pt`` (every ``checkpoint_every`` iterations, and as an epoch
    ends), and as each epoch ends a row of ``history.csv``, and ``best.safetensors`` where the validation accuracy is
    the highest so far (without a split ``val``: the newest). A run that is stopped at any step and resumes ends with
    the weights of one that was not, to the bit on a CPU. With ``bad_videos`` of ``skip`` those that cannot be read are
    listed in ``skipped_in_training.csv``, and the history counts the clips that an epoch did without.

    Args:
        runtime: device, workers, cache of decoded videos, and whether a bar shows the progress.
        world: the processes that share the clips of every step; the first of them writes.

    Returns: the history, a row an epoch.

    Raises: ValueError if the folder belongs to a run of other settings; VideoError naming a video that cannot be read,
    where ``bad_videos`` is ``error``; FloatingPointError if the loss or its gradient is not finite.
    """
    with no_restart(Path(run_dir), world):
        task = make_task(recipe, manifest, Path(run_dir), runtime, world)
        state = fresh_state(recipe, len(manifest.classes), task.plan.steps_per_epoch, runtime.device)
        step, so_far = start_or_resume(task, state)
        history = read_history(task.run_dir, step // task.plan.steps_per_epoch)
        if step == task.plan.total_steps:
            log.info(f"finished already, after {task.plan.epochs} epochs: {run_dir}")
            return pd.DataFrame(history)
        with log_to(task.run_dir / LOG) if world.is_main else nullcontext():
            if world.is_main:
                log_start(task, step)
            train_epochs(task, state, step, so_far, history)
    return pd.DataFrame(history)


def make_task(recipe: Recipe, manifest: Manifest, run_dir: Path, runtime: Runtime, world: World) -> Task:
    """What stays the same while a run trains. Raises: see ``train``."""
    train_set = select(manifest, "train")
    return Task(
        recipe=recipe,
        config=run_config(recipe, manifest, train_set),
        plan=make_plan(recipe.training, len(train_set.rows), world.size),
        train_set=train_set,
        val_set=select(manifest, "val") if "val" in set(manifest.rows["split"]) else None,
        reader=reader_for(runtime.cache_dir, recipe.data.short_side, len(manifest.rows), recipe.data.decoder),
        run_dir=run_dir,
        runtime=runtime,
        world=world,
    )


def start_or_resume(task: Task, state: State) -> tuple[int, Sums]:
    """Make the run folder, or put its checkpoint's state back. Returns the step, and the sums since its epoch began.

    Raises: ValueError if several processes find different checkpoints; as ``load_checkpoint``.
    """
    file, config = task.run_dir / CHECKPOINT, task.config
    if file.is_file():
        found = load_checkpoint(file, *state, config=config, device=task.runtime.device)
    else:
        refuse_weights_of_another(task.run_dir, config)
        start_from(state.model, task.recipe.training.initial_weights, task.recipe.model.name)
        if task.world.is_main:
            write_config(task.run_dir, config)
        found = 0, Sums()
    steps = all_gather(found[0], task.world)  # all wait here: none writes a checkpoint that another has yet to read
    if len({*steps}) > 1:
        raise ValueError(
            f"expected all processes to find the same checkpoint in {task.run_dir}, got those of steps {steps}; "
            "give a run folder that all machines see"
        )
    return found


def train_epochs(task: Task, state: State, step: int, so_far: Sums, history: list[dict[str, Any]]) -> None:
    """Train from ``step`` to the end; ``history`` grows by a row an epoch."""
    plan, settings, world = task.plan, task.recipe.training, task.world
    model = in_step(state.model, task.runtime.device, world, sync_statistics=settings.sync_statistics)
    epochs, clock = range(step // plan.steps_per_epoch, plan.epochs), Clock(step, plan.total_steps)
    batches = training_batches(
        TrainingClips(task.train_set, task.recipe.data, task.reader, settings.seed),
        settings.batch_size,
        epochs,
        task.runtime.num_workers,
        first=step % plan.steps_per_epoch,
        world=world,
    )
    bad: dict[int, str] = {}
    with tensorboard(task.run_dir, step, wanted=world.is_main) as draw:
        for epoch in epochs:
            so_far = train_epoch(task, state, model, batches, step=step, so_far=so_far, bad=bad, clock=clock)
            step = (epoch + 1) * plan.steps_per_epoch
            row = row_of(plan, state, step, so_far)
            if task.val_set is not None and (step == plan.total_steps or (epoch + 1) % settings.validate_every == 0):
                share_buffers(state.model, world)
                row["val_top1"] = validate(task, state.model, task.val_set)
            history.append(row)
            so_far = Sums()
            if world.is_main:
                write_epoch(task.run_dir, history, state.model)
                save(task, state, step, so_far)
                log.info(epoch_line(row, plan.epochs) + clock.left(step))
                numbers = {name: row[name] for name in ("loss", "top1", "val_top1", "lr", "grad_norm")}
                draw(step, numbers | {"clips_per_second": row["clips"] / row["seconds"]})
    skipped = count_skipped(task.run_dir, "train") if world.is_main else 0
    if skipped:
        videos = len(task.train_set.rows)
        log.warning(
            f"trained on {videos - skipped} of {videos} videos; the others: {task.run_dir / SKIPPED_IN_TRAINING}"
        )


def validate(task: Task, model: nn.Module, videos: Manifest) -> float:
    """Accuracy on a validation set, one view a video; bad videos stop it or are listed, as in the training."""
    views = EvalConfig(bad_videos=task.recipe.training.bad_videos)
    predictions = evaluate(
        model,
        videos,
        task.recipe.data,
        views,
        reader=task.reader,
        runtime=replace(task.runtime, progress=False),
        world=task.world,
    )
    if len(predictions.skipped) and task.world.is_main:
        write_skipped(task.run_dir, videos, predictions.skipped["reason"].to_dict())
        log.warning(f"validated on {len(predictions.videos)} of {len(videos.rows)} videos")
    return float((predictions.videos["label"] == predictions.videos["predicted"]).mean())


def log_start(task: Task, step: int) -> None:
    """Log what begins or goes on, and what is odd about it."""
    plan, settings = task.plan, task.recipe.training
    begun = f"resumed at step {step} of {plan.total_steps}" if step else "started"
    batches = f"{plan.steps_per_epoch} batches of {plan.clips_per_step} from {len(task.train_set.rows)} videos"
    classes = f"{len(task.train_set.classes)} classes"
    device, size = task.runtime.device, task.world.size
    on = device if size == 1 else f"{size} processes, {device.split(':')[0]}"
    log.info(f"{begun}: {task.recipe.model.name}, {classes}, {batches}, {on}")
    warmup = warmup_steps(settings, plan.steps_per_epoch)
    if warmup >= plan.total_steps:
        log.warning(
            f"the run has {plan.total_steps} iterations, fewer than the warm-up of {warmup}: lr stays below its peak; "
            f"lower {'warmup_iterations' if settings.warmup_iterations else 'warmup_epochs'}, or train for longer"
        )
