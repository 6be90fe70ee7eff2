"""The files of a run folder: their names, config.json, the history, the best weights and the log."""

import json
import logging
import os
import platform
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

import dnrlab
from dnrlab.data.csv_table import SECONDS
from dnrlab.data.manifest import Manifest, rows_digest
from dnrlab.data.splits import split_name
from dnrlab.files import atomic_write, explain_read_errors, explain_write_errors, fsync, open_own
from dnrlab.models.own import is_own, source_digest
from dnrlab.recipes.config import Recipe, recipe_from_dict, recipe_to_dict
from dnrlab.trusted import trust

CONFIG = "config.json"  # recipe, classes, digests of the training rows and of a network's own source, versions
HISTORY = "history.csv"  # one row per epoch
CHECKPOINT = "checkpoint.pt"  # the state that a training resumes from
WEIGHTS = "best.safetensors"  # weights of the epoch with the best validation accuracy
LOG = "log.txt"
SKIPPED_IN_TRAINING = "skipped_in_training.csv"  # videos that a training could not read
FATAL_ERROR = "fatal_error.json"  # with several processes: an error that a restart cannot fix
TENSORBOARD = "tensorboard"  # folder of TensorBoard's curves
METRICS = "metrics.json"  # this file and the next four belong to a split; see ``file_of_split``
PREDICTIONS = "predictions.csv"  # one row per video, with the scores of all classes
CONFUSION = "confusion.csv"
SKIPPED = "skipped.csv"  # videos that an evaluation could not read
VIEW_SCORES = "view_scores.npy"  # scores of all views
REPEATS = "spread.csv"  # in the folder of ``dnrlab spread``: one row per run
REPEATS_SUMMARY = "spread_summary.csv"  # mean and interval over the runs

DAMAGED_RUN = "copy it again, or remove the run folder and train again"

log = logging.getLogger("dnrlab")


def file_of_split(run_dir: str | Path, name: str, split: str) -> Path:
    """Result file of a split: ``metrics.json`` for test, ``metrics_val.json`` for val, ``metrics_all.json`` for all."""
    split = split_name(split)
    suffix = "" if split == "test" else f"_{re.sub(r'[^-.0-9A-Za-z]', '_', split) or 'all'}"
    stem, dot, ending = name.rpartition(".")
    return Path(run_dir) / f"{stem}{suffix}{dot}{ending}"


def run_config(recipe: Recipe, manifest: Manifest, train_set: Manifest) -> dict[str, Any]:
    """The content of ``config.json`` without the versions: plain values that must be equal to resume.

    ``train_set`` holds the training rows of ``manifest``.
    """
    start = len(os.path.commonprefix(manifest.rows["path"].tolist()))  # noqa: RUF071 (commonpath fails for two drives)
    data = {
        "classes": list(train_set.classes),
        "flip": train_set.flip,
        "training_videos": len(train_set.rows),
        "training_rows": rows_digest(train_set, ("label", *SECONDS), start=start),
    }
    if is_own(recipe.model.name):
        data["model_source"] = source_digest(recipe.model.name)
        remember(recipe.model.name)
    config: dict[str, Any] = json.loads(json.dumps(recipe_to_dict(recipe) | data))
    return config


def remember(name: str) -> None:
    """Trust the function of a network that is trained, see ``trust``. The training goes on where that fails."""
    try:
        trust(name)
    except (OSError, ValueError) as error:
        log.warning(f"opening this run will ask whether {name} is trusted: {error}")


def write_config(run_dir: Path, config: dict[str, Any]) -> None:
    """Make the run folder and write ``config.json``."""
    versions = {"dnrlab": dnrlab.__version__, "torch": torch.__version__, "python": platform.python_version()}
    with atomic_write(run_dir / CONFIG) as unfinished:
        unfinished.write_text(json.dumps(config | {"versions": versions}, indent=2), encoding="utf-8")


def read_config(run_dir: str | Path) -> dict[str, Any]:
    """``config.json`` of a run: recipe, classes and versions.

    Raises: FileNotFoundError if there is no such file; ValueError if it cannot be read.
    """
    file = Path(run_dir) / CONFIG
    if not file.is_file():
        raise FileNotFoundError(
            f"expected a run folder with config.json at {run_dir}, got no such file; check the path, or train it first"
        )
    with explain_read_errors(file, DAMAGED_RUN):
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        for name in ("model", "data", "training", "classes"):
            values[name]
    try:
        recipe_from_dict(values)
        check_classes(values["classes"])
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"expected settings of this version in {file}, got others ({type(error).__name__}: {error}); open the run "
            f"with the version that wrote it: {values.get('versions')}"
        ) from error
    return values


def check_classes(classes: Any) -> None:
    """ValueError unless these are the names of classes: a list of different texts, at least one."""
    if not isinstance(classes, list) or not classes or not all(isinstance(name, str) and name for name in classes):
        raise ValueError(f"expected classes to be a list of names, got {str(classes)[:80]!r}")
    if twice := sorted(name for name, number in Counter(classes).items() if number > 1):
        raise ValueError(f"expected each class once, got {twice[0][:80]!r} again")
    "".join(classes).encode()  # half a pair of surrogates is a ValueError


def read_history(run_dir: Path, epochs: int) -> list[dict[str, Any]]:
    """The rows of the first ``epochs`` epochs. The file of a stopped run may have later rows."""
    file = run_dir / HISTORY
    if epochs == 0 or not file.is_file():
        return []
    with explain_read_errors(file, f"remove it and {CHECKPOINT}; the training then starts again"):
        history = pd.read_csv(file)
        rows: list[dict[str, Any]] = history[history["epoch"] < epochs].to_dict("records")
    return rows


def write_epoch(run_dir: Path, history: list[dict[str, Any]], model: nn.Module) -> None:
    """Write the history, and the weights if the last epoch validated best or no epoch was validated."""
    table = pd.DataFrame(history)
    with atomic_write(run_dir / HISTORY) as unfinished:
        table.to_csv(unfinished, index=False)
    accuracy = table["val_top1"]
    if accuracy.isna().all() or accuracy.iloc[-1] >= accuracy.max():  # of equal epochs the later is stored
        weights = {name: value.contiguous() for name, value in model.state_dict().items()}
        with atomic_write(run_dir / WEIGHTS) as unfinished:
            save_file(weights, unfinished)
            fsync(unfinished)


class LogFile(logging.FileHandler):
    """A log file that raises if it cannot be written. ``logging`` would only print a traceback."""

    def _open(self) -> Any:  # called by FileHandler
        return open_own(Path(self.baseFilename), self.mode, encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:
        """Called by ``emit`` when it caught an error."""
        with explain_write_errors(Path(self.baseFilename)):
            raise


@contextmanager
def log_to(file: Path) -> Iterator[None]:
    """Also write the package's log to ``file`` while the block runs. OSError if the file cannot be written."""
    with explain_write_errors(file):
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
        with suppress(OSError):  # an earlier write has raised this error already
            handler.close()
