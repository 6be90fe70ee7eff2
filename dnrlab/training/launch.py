"""A training in several processes of this machine, as a notebook starts it."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dnrlab.data.manifest import Manifest
from dnrlab.device import ON_CPU, Runtime
from dnrlab.distributed import RESTARTS, join, launch
from dnrlab.recipes.config import Recipe
from dnrlab.runs.folder import LOG
from dnrlab.training.fatal_errors import fatal_error_of
from dnrlab.training.train import train

log = logging.getLogger("dnrlab")


def launch_training(
    processes: int,
    recipe: Recipe,
    manifest: Manifest,
    run_dir: str | Path,
    runtime: Runtime = ON_CPU,
) -> pd.DataFrame:
    """``train`` in one process, this one, or in several that share the clips of every step; one GPU each, if any.

    When one of several dies, all go on from the last checkpoint. ``num_workers`` read clips for each of them.

    Returns: the history, a row an epoch.

    Raises: as ``train``; RuntimeError with what stopped several, or what one said that could not be kept alive.
    """
    if processes == 1:
        return train(recipe, manifest, run_dir, runtime)
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        with follow_log(Path(run_dir) / LOG):
            histories = launch(train_rank, processes, recipe, manifest, str(run_dir), runtime, restarts=RESTARTS)
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if reason := fatal_error_of(Path(run_dir), os.getpid()):
            raise RuntimeError(f"{processes} processes were stopped: {reason}") from error
        told = failure.message  # with the traceback beside it, where an exception ended the process
        said = told["message"] if isinstance(told, dict) else told
        raise RuntimeError(f"process {rank} of {processes} failed: {said}") from error
    history: pd.DataFrame = histories[0]
    return history


def train_rank(recipe: Recipe, manifest: Manifest, run_dir: str, runtime: Runtime) -> pd.DataFrame:
    """``train`` as one rank of the processes that ``launch`` started, without a progress bar."""
    with join(runtime.device) as (world, device):
        return train(recipe, manifest, run_dir, replace(runtime, device=device, progress=False), world=world)


@contextmanager
def follow_log(file: Path, seconds: float = 1.0) -> Iterator[None]:
    """While the block runs, log what others append to a log file, looking every so many seconds and at the end."""
    ended = threading.Event()
    place = file.stat().st_size if file.is_file() else 0

    def follow() -> None:
        nonlocal place
        last_look = False
        while not last_look:
            last_look = ended.wait(seconds)
            if file.is_file():
                with file.open(encoding="utf-8") as text:
                    text.seek(place)
                    lines, place = text.read().splitlines(), text.tell()
                for line in lines:
                    log.info(line.split(" ", 2)[-1])  # without date and time

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
