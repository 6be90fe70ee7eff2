"""Errors that starting again does not mend: when one stops a process of several, the restarted ones end at once.

Otherwise torchrun would repeat a diverged training, or meet the same bad video, as often as it may restart, and tell
of the processes that lost each other where one had a reason.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnrlab.data.decode.types import VideoError
from dnrlab.distributed import World
from dnrlab.files import atomic_write
from dnrlab.runs.folder import FATAL_ERROR

FATAL = (ValueError, TypeError, IndexError, FloatingPointError, VideoError)  # a full disk may pass


@contextmanager
def no_restart(run_dir: Path, world: World) -> Iterator[None]:
    """Keep what a lasting error within the block says, for the next attempt of these processes, which it ends.

    Raises: ValueError with what the attempt before was stopped by.
    """
    if world.size == 1:
        yield
        return
    file, agent = run_dir / FATAL_ERROR, os.getppid()  # the agent starts all attempts of one call
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0" and (reason := fatal_error_of(run_dir, agent)):
        raise ValueError(reason)
    if world.is_main:
        file.unlink(missing_ok=True)  # of an earlier call
    try:
        yield
    except FATAL as error:
        with atomic_write(file, writer=f".{world.rank}") as unfinished:
            told = {"agent": agent, "reason": f"{type(error).__name__}: {error}"}
            unfinished.write_text(json.dumps(told), encoding="utf-8")
        raise


def fatal_error_of(run_dir: Path, agent: int) -> str:
    """What stopped for good the processes that the process ``agent`` started; empty if nothing did, or others'."""
    file = run_dir / FATAL_ERROR
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return str(told["reason"]) if told.get("agent") == agent else ""
