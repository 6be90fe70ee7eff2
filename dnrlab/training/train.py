"""A training run: from a manifest to a run folder."""

import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from dnrlab.compiling import how_to_compile
from dnrlab.data.dataset import TrainingClips
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.loading import training_batches
from dnrlab.data.manifest import Manifest, select
from dnrlab.data.mirror import mirror_warning
from dnrlab.device import ON_CPU, Runtime
from dnrlab.distributed import ALONE, World, all_gather
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.lock import locked
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
from dnrlab.training.initial_weights import load_initial_weights
from dnrlab.training.loop import NetworkLoss, Sums
from dnrlab.training.progress import Clock, epoch_line, tensorboard
from dnrlab.training.schedule import make_plan, warmup_steps
from dnrlab.training.state import State, distributed_model, fresh_state, share_buffers

log = logging.getLogger("dnrlab")


def train(
    recipe: Recipe,
    manifest: Manifest,
    run_dir: str | Path,
    runtime: Runtime = ON_CPU,
    *,
    world: World = ALONE,
) -> pd.DataFrame:
    """Train on the split ``train``, validate on ``val``, and store everything in ``run_dir``. A second call resumes.

    Writes ``config.json``, ``log.txt`` and ``checkpoint.pt`` (every ``checkpoint_every`` iterations and at the end of
    an epoch). The end of each epoch adds a row to ``history.csv``. It also writes ``best.safetensors`` if the
    validation accuracy is the highest so far, or always without a split ``val``. A run that was stopped at any step and
    resumed ends with the weights of an uninterrupted run; on a CPU they agree to the bit. Where ``bad_videos`` is
    ``skip``, ``skipped_in_training.csv`` lists the videos that cannot be read, and the history counts the skipped clips
    of each epoch.

    Args:
        runtime: device, workers, cache of decoded videos, and whether to show a progress bar.
        world: the processes that share the clips of every step. Rank 0 writes the files.

    Returns: the history, one row per epoch.

    Raises: ValueError if the folder belongs to a run with other settings; VideoError that names a video that cannot be
        read, where ``bad_videos`` is ``error``; FloatingPointError if the loss or its gradient is not finite.
    """
    alone = locked(Path(run_dir), "training") if world.is_main else nullcontext()
    with no_restart(Path(run_dir), world), alone:  # before anything is written
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
    """Make the run folder, or restore the state of its checkpoint. Returns the step and the sums of its epoch so far.

    Raises: ValueError if the processes find different checkpoints; see also ``load_checkpoint``.
    """
    file, config = task.run_dir / CHECKPOINT, task.config
    if file.is_file():
        begin = load_checkpoint(file, *state, config=config, device=task.runtime.device)
    else:
        refuse_weights_of_another(task.run_dir, config)
        given = task.recipe.training.initial_weights
        loaded = load_initial_weights(state.model, given, task.recipe.model.name) if given else None
        if task.world.is_main:
            write_config(task.run_dir, config)
            if loaded is not None:
                with log_to(task.run_dir / LOG):
                    log.info(f"initial weights {given}: {loaded}")
        begin = 0, Sums()
    steps = all_gather(begin[0], task.world)  # a barrier too: no rank writes a checkpoint that another must still read
    if len({*steps}) > 1:
        raise ValueError(
            f"expected all processes to find the same checkpoint in {task.run_dir}, got checkpoints of steps {steps}; "
            "give a run folder that all machines share"
        )
    return begin


def train_epochs(task: Task, state: State, step: int, so_far: Sums, history: list[dict[str, Any]]) -> None:
    """Train from ``step`` to the end. Appends one row per epoch to ``history``."""
    plan, training, world = task.plan, task.recipe.training, task.world
    model = distributed_model(
        step_model(task, state.model), task.runtime.device, world, sync_statistics=training.sync_statistics
    )
    epochs, clock = range(step // plan.steps_per_epoch, plan.epochs), Clock(step, plan.total_steps)
    batches = training_batches(
        TrainingClips(task.train_set, task.recipe.data, task.reader, training.seed),
        training.batch_size,
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
            if task.val_set is not None and (step == plan.total_steps or (epoch + 1) % training.validate_every == 0):
                share_buffers(state.model, world)
                row["val_top1"] = validate(task, state.model, task.val_set)
            history.append(row)
            so_far = Sums()
            if world.is_main:
                write_epoch(task.run_dir, history, state.model)
                save(task, state, step, so_far)
                log.info(epoch_line(row, plan.epochs) + clock.left(step))
                curves = {name: row[name] for name in ("loss", "top1", "val_top1", "lr", "grad_norm")}
                draw(step, curves | {"clips_per_second": row["clips"] / row["seconds"]})
    skipped = count_skipped(task.run_dir, "train") if world.is_main else 0
    if skipped:
        videos = len(task.train_set.rows)
        log.warning(
            f"trained on {videos - skipped} of {videos} videos; {task.run_dir / SKIPPED_IN_TRAINING} lists the others"
        )


def step_model(task: Task, model: nn.Module) -> NetworkLoss:
    """The network and its loss, compiled if the runtime says so. The whole run has one answer, also if it resumes."""
    network, data, world = NetworkLoss(model), task.recipe.data, task.world
    how = how_to_compile(task.runtime.compile, task.runtime.device, task.plan.total_steps)
    if how != "off" and world.size > 1 and task.recipe.training.sync_statistics:
        log.warning("the step runs without compiling: statistics that processes exchange cannot be compiled")
        how = "off"
    if how != "off":
        own = len(range(world.rank, task.plan.clips_per_step, world.size))
        shape = (own, 3, data.num_frames * data.frames_per_segment, data.crop_size, data.crop_size)
        clips = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        labels = torch.zeros(own, dtype=torch.long)
        network.compile_for(clips.to(task.runtime.device), labels.to(task.runtime.device), how)
    return network


def validate(task: Task, model: nn.Module, videos: Manifest) -> float:
    """Top-1 accuracy on a validation set, one view per video. Bad videos are treated as in the training."""
    views = EvalConfig(bad_videos=task.recipe.training.bad_videos)
    predictions = evaluate(
        model,
        videos,
        task.recipe.data,
        views,
        reader=task.reader,
        runtime=replace(task.runtime, progress=False, compile="off"),  # else it would compile in every epoch
        world=task.world,
    )
    if len(predictions.skipped) and task.world.is_main:
        write_skipped(task.run_dir, videos, predictions.skipped["reason"].to_dict())
        log.warning(f"validated on {len(predictions.videos)} of {len(videos.rows)} videos")
    return float((predictions.videos["label"] == predictions.videos["predicted"]).mean())


def log_start(task: Task, step: int) -> None:
    """Log what is trained and from which step. Warn of a warm-up longer than the run, and of mirrored labels."""
    plan, training = task.plan, task.recipe.training
    begun = f"resumed at step {step} of {plan.total_steps}" if step else "started"
    batches = f"{plan.steps_per_epoch} batches of {plan.clips_per_step} from {len(task.train_set.rows)} videos"
    classes = f"{len(task.train_set.classes)} classes"
    device, size = task.runtime.device, task.world.size
    on = device if size == 1 else f"{size} processes, {device.split(':')[0]}"
    log.info(f"{begun}: {task.recipe.model.name}, {classes}, {batches}, {on}")
    for warning in mirror_warning(task.train_set.classes) if task.train_set.flip == "label_aware" else []:
        log.warning(warning)
    warmup = warmup_steps(training, plan.steps_per_epoch)
    if warmup >= plan.total_steps:
        log.warning(
            f"the warm-up of {warmup} iterations is not shorter than the run of {plan.total_steps}: lr stays below its "
            f"peak; lower {'warmup_iterations' if training.warmup_iterations else 'warmup_epochs'} or raise epochs"
        )
