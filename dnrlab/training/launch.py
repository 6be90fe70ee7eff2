"""A training in several processes of this machine, started from a notebook."""

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
    """``train`` in this process, or in several processes that share the clips of every step.

    On GPUs each process has its own. When a process dies, all start again from the last checkpoint. Each process has
    ``num_workers`` workers.

    Returns: the history, one row per epoch.

    Raises: see ``train``. With several processes a RuntimeError gives the fatal error of one of them, or the last
    message of a process that died too often.
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
        message = failure.message  # a dictionary with the traceback, where an exception ended the process
        message = message["message"] if isinstance(message, dict) else message
        raise RuntimeError(f"rank {rank} of {processes} processes failed: {message}") from error
    history: pd.DataFrame = histories[0]
    return history


def train_rank(recipe: Recipe, manifest: Manifest, run_dir: str, runtime: Runtime) -> pd.DataFrame:
    """``train`` as one rank of ``launch``, without a progress bar."""
    with join(runtime.device) as (world, device):
        return train(recipe, manifest, run_dir, replace(runtime, device=device, progress=False), world=world)


@contextmanager
def follow_log(file: Path, seconds: float = 1.0) -> Iterator[None]:
    """While the block runs, log the lines that another process appends to a log file; read it every ``seconds``."""
    ended = threading.Event()
    offset = file.stat().st_size if file.is_file() else 0

    def follow() -> None:
        nonlocal offset
        last_read = False
        while not last_read:
            last_read = ended.wait(seconds)
            if file.is_file():
                with file.open(encoding="utf-8") as text:
                    text.seek(offset)
                    lines, offset = text.read().splitlines(), text.tell()
                for line in lines:
                    log.info(line.split(" ", 2)[-1])  # without date and time

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
