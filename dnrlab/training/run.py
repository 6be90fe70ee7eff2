"""A training run from manifest to run folder."""

import json
import logging
import math
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn
from tqdm import tqdm

import dnrlab
from dnrlab.data.cache import reader_for
from dnrlab.data.dataset import TrainingClips
from dnrlab.data.decode import Reader
from dnrlab.data.loading import EpochBatches, training_batches
from dnrlab.data.manifest import Manifest, select
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.files import said_plainly, whole_file
from dnrlab.runs import build_model
from dnrlab.training.bad_videos import SKIPPED, keep_skipped, readable
from dnrlab.training.checkpoint import load_checkpoint, save_checkpoint
from dnrlab.training.config import Recipe, recipe_to_dict
from dnrlab.training.imagenet import IMAGENET, imagenet_weights, put_imagenet
from dnrlab.training.loop import train_epoch
from dnrlab.training.parameters import parameter_groups
from dnrlab.training.schedule import make_schedule
from dnrlab.training.transfer import transfer_weights

log = logging.getLogger("dnrlab")


def train(
    recipe: Recipe,
    manifest: Manifest,
    run_dir: str | Path,
    *,
    device: str = "cpu",
    cache_dir: str | Path = "",
    num_workers: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Train on the split ``train``, validate on ``val``, and keep all in ``run_dir``. The same call again resumes.

    Writes ``config.json``, ``log.txt``, and as each epoch ends a row of ``history.csv``, ``checkpoint.pt``, and
    ``best.safetensors`` where the validation accuracy is the highest so far (without a split ``val``: the newest).
    With ``bad_videos`` of ``skip`` those that cannot be read are listed in ``skipped_in_training.csv``, and the
    history counts the clips that an epoch did without.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        cache_dir: where decoded videos are kept; see ``reader_for``. Empty: nowhere.
        num_workers: processes that read clips; 0 reads in this one.

    Returns: the history, a row an epoch.

    Raises: ValueError if the folder belongs to a run of other settings; VideoError naming a video that cannot be read,
    where ``bad_videos`` is ``error``.
    """
    run_dir, settings = Path(run_dir), recipe.training
    train_set = select(manifest, "train")
    val_set = select(manifest, "val") if "val" in set(manifest.rows["split"]) else None
    reader = reader_for(cache_dir, recipe.data.short_side, len(manifest.rows), recipe.data.decoder)
    torch.manual_seed(settings.seed)
    model = build_model(recipe.model, num_classes=len(manifest.classes), num_frames=recipe.data.num_frames).to(device)
    groups = parameter_groups(
        model, lr=settings.peak_lr, weight_decay=settings.weight_decay, rules=settings.parameter_rules
    )
    optimizer = torch.optim.SGD(groups, lr=settings.peak_lr, momentum=settings.momentum)
    if not (run_dir / "checkpoint.pt").is_file():  # a run that resumes has its own weights
        start_from(model, settings.initial_weights, recipe.model.name)
    clips = TrainingClips(train_set, recipe.data, reader, settings.seed)
    steps_per_epoch = len(EpochBatches(len(clips), settings.batch_size, settings.seed, 0))
    size = min(settings.batch_size, len(clips))
    schedule = make_schedule(optimizer, settings, steps_per_epoch)
    config = run_config(recipe, train_set)
    history, first_epoch = start_or_resume(run_dir, model, optimizer, schedule, config, device, steps_per_epoch)
    if first_epoch == settings.epochs:
        log.info(f"finished already, after {first_epoch} epochs: {run_dir}")
        return pd.DataFrame(history)
    with log_to(run_dir / "log.txt"):
        begun = f"resumed after epoch {first_epoch}" if first_epoch else "started"
        plan = f"{steps_per_epoch} batches of {size} from {len(clips)} videos"
        log.info(f"{begun}: {recipe.model.name}, {len(manifest.classes)} classes, {plan}, {device}")
        if settings.warmup_iterations >= settings.epochs * steps_per_epoch:
            log.warning(
                f"the run has {settings.epochs * steps_per_epoch} iterations, fewer than the warm-up of "
                f"{settings.warmup_iterations}: lr stays below its peak; lower warmup_iterations, or train for longer"
            )
        epochs = range(first_epoch, settings.epochs)
        batches = training_batches(clips, settings.batch_size, epochs, num_workers)
        bad: dict[int, str] = {}
        for epoch in epochs:
            start = time.perf_counter()
            name = f"epoch {epoch + 1}/{settings.epochs}"
            # Every 10 s: an executed notebook keeps each line of a bar.
            bar = tqdm(
                islice(batches, steps_per_epoch),
                total=steps_per_epoch,
                desc=name,
                leave=False,
                disable=not progress,
                mininterval=10,
            )
            row: dict[str, Any] = {"epoch": epoch, "lr": schedule.get_last_lr()[0]}
            read = readable(bar, train_set, settings.bad_videos, bad)
            result = train_epoch(model, read, optimizer, schedule, device=device, clip_norm=settings.clip_norm)
            seconds = time.perf_counter() - start
            row |= result._asdict() | {"skipped": steps_per_epoch * size - result.clips}
            row |= {"seconds": round(max(seconds, 0.01), 2), "val_top1": float("nan")}
            keep_skipped(run_dir, train_set, bad)
            last = epoch + 1 == settings.epochs
            if val_set is not None and (last or (epoch + 1) % settings.validate_every == 0):
                row["val_top1"] = validate(model, val_set, recipe, reader, device, num_workers, run_dir)
            history.append(row)
            keep_epoch(run_dir, history, model)
            save_checkpoint(
                run_dir / "checkpoint.pt",
                model,
                optimizer,
                schedule,
                step=(epoch + 1) * steps_per_epoch,
                config=config,
                classes=manifest.classes,
            )
            log.info(epoch_line(row, settings.epochs))
        if bad:
            log.warning(f"trained on {len(clips) - len(bad)} of {len(clips)} videos; the others: {run_dir / SKIPPED}")
    return pd.DataFrame(history)


def start_from(model: nn.Module, initial_weights: str, name: str) -> None:
    """Put the weights to start from into a network: those of ImageNet, of another run, or none."""
    if initial_weights == IMAGENET:
        random = put_imagenet(model, imagenet_weights(name))
        log.info(f"weights of ImageNet; {len(random)} of {len(list(model.parameters()))} tensors start at random")
    elif initial_weights:
        transfer_weights(model, initial_weights)


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """One line for people: ``epoch 3/12  loss 1.203  top-1 0.52  val 0.61  41 clips/s``, and what was left out."""
    validated = "" if math.isnan(row["val_top1"]) else f"  val {row['val_top1']:.2f}"
    speed = row["clips"] / row["seconds"]
    trained = f"epoch {row['epoch'] + 1}/{epochs}  loss {row['loss']:.3f}  top-1 {row['top1']:.2f}"
    skipped = f"  {row['clips']} of {row['clips'] + row['skipped']} clips" if row["skipped"] else ""
    return f"{trained}{validated}  {speed:.0f} clips/s{skipped}"


def run_config(recipe: Recipe, train_set: Manifest) -> dict[str, Any]:
    """What ``config.json`` holds, apart from the versions: plain values that must be equal to resume."""
    data = {"classes": list(train_set.classes), "flip": train_set.flip, "training_videos": len(train_set.rows)}
    config: dict[str, Any] = json.loads(json.dumps(recipe_to_dict(recipe) | data))
    return config


def start_or_resume(
    run_dir: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    config: dict[str, Any],
    device: str,
    steps_per_epoch: int,
) -> tuple[list[dict[str, Any]], int]:
    """Make the run folder, or put the state of its checkpoint back. Returns the history so far and the next epoch."""
    checkpoint, history_file = run_dir / "checkpoint.pt", run_dir / "history.csv"
    if checkpoint.is_file():
        epoch = load_checkpoint(checkpoint, model, optimizer, schedule, config=config, device=device) // steps_per_epoch
        history = pd.read_csv(history_file)
        return history[history["epoch"] < epoch].to_dict("records"), epoch
    versions = {"dnrlab": dnrlab.__version__, "torch": torch.__version__, "python": platform.python_version()}
    text = json.dumps(config | {"versions": versions}, indent=2)
    with whole_file(run_dir / "config.json") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return [], 0


def validate(
    model: nn.Module,
    manifest: Manifest,
    recipe: Recipe,
    reader: Reader,
    device: str,
    num_workers: int,
    run_dir: Path,
) -> float:
    """Accuracy on a validation set, one view a video; bad videos stop it or are listed, as in the training."""
    views = EvalConfig(bad_videos=recipe.training.bad_videos)
    predictions = evaluate(model, manifest, recipe.data, views, reader=reader, device=device, num_workers=num_workers)
    if len(predictions.skipped):
        keep_skipped(run_dir, manifest, predictions.skipped["reason"].to_dict())
        log.warning(f"validated on {len(predictions.videos)} of {len(manifest.rows)} videos")
    return float((predictions.videos["label"] == predictions.videos["predicted"]).mean())


def keep_epoch(run_dir: Path, history: list[dict[str, Any]], model: nn.Module) -> None:
    """Write the history, and the weights if this epoch is the best of those validated (none validated: the newest)."""
    table = pd.DataFrame(history)
    with whole_file(run_dir / "history.csv") as unfinished:
        table.to_csv(unfinished, index=False)
    accuracy = table["val_top1"]
    if accuracy.isna().all() or accuracy.iloc[-1] >= accuracy.max():  # a later epoch wins a tie
        weights = {name: value.contiguous() for name, value in model.state_dict().items()}
        with whole_file(run_dir / "best.safetensors") as unfinished:
            save_file(weights, unfinished)


class LogFile(logging.FileHandler):
    """A log file that raises when it cannot be written, where ``logging`` would print a traceback and go on."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Called within ``emit``, when it caught an error."""
        with said_plainly(Path(self.baseFilename)):
            raise


@contextmanager
def log_to(file: Path) -> Iterator[None]:
    """Also write the package's log to ``file`` while the block runs. OSError says what to do where it cannot be."""
    with said_plainly(file):
        handler = LogFile(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        with suppress(OSError):  # what could not be written was said
            handler.close()
