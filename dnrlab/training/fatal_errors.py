"""Errors that a restart cannot fix. When one stops a rank, the restarted processes end at once with its message.

Otherwise torchrun would restart a diverged training, or one with a bad video, as often as it may. It would report that
the ranks lost their connection, and not the error of the first rank.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnrlab.data.decode.types import VideoError
from dnrlab.distributed import World
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.runs.folder import FATAL_ERROR

FATAL = (ValueError, TypeError, IndexError, FloatingPointError, VideoError)  # no OSError: a full disk may pass


@contextmanager
def no_restart(run_dir: Path, world: World) -> Iterator[None]:
    """Store the message of a fatal error of the block. The next attempt of these processes reads it and ends.

    Raises: ValueError with the stored message, if a fatal error stopped the previous attempt.
    """
    if world.size == 1:
        yield
        return
    file, agent = run_dir / FATAL_ERROR, os.getppid()  # one agent process starts all attempts of a call
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0" and (reason := fatal_error_of(run_dir, agent)):
        raise ValueError(reason)
    if world.is_main:
        file.unlink(missing_ok=True)  # left by an earlier call
    try:
        yield
    except FATAL as error:
        with atomic_write(file) as unfinished:
            stored = {"agent": agent, "reason": f"{type(error).__name__}: {error}"}
            unfinished.write_text(json.dumps(stored), encoding="utf-8")
        raise


def fatal_error_of(run_dir: Path, agent: int) -> str:
    """The fatal error of the processes that the process ``agent`` started, or empty without one."""
    file = run_dir / FATAL_ERROR
    if not file.is_file():
        return ""
    with explain_read_errors(file, "remove it"):
        stored = json.loads(file.read_text(encoding="utf-8"))
    return str(stored["reason"]) if stored.get("agent") == agent else ""
