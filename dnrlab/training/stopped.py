"""Errors that starting again does not mend: when one stops a process of several, the restarted ones end at once.

Otherwise torchrun would repeat a diverged training, or meet the same bad video, as often as it may restart, and tell
of the processes that lost each other where one had a reason.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnrlab.data.decode import VideoError
from dnrlab.files import whole_file
from dnrlab.processes import Processes

FILE = "stopped.json"  # in the run folder
LASTING = (ValueError, TypeError, IndexError, FloatingPointError, VideoError)  # a full disk may pass


@contextmanager
def told_once(run_dir: Path, among: Processes) -> Iterator[None]:
    """Keep what a lasting error within the block says, for the next attempt of these processes, which it ends.

    Raises: ValueError with what the attempt before was stopped by.
    """
    if among.count == 1:
        yield
        return
    file, agent = run_dir / FILE, os.getppid()  # the agent starts all attempts of one call
    if os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0" and (reason := stopped_by(run_dir, agent)):
        raise ValueError(reason)
    if among.writes:
        file.unlink(missing_ok=True)  # of an earlier call
    try:
        yield
    except LASTING as error:
        with whole_file(file, writer=f".{among.rank}") as unfinished:
            told = {"agent": agent, "reason": f"{type(error).__name__}: {error}"}
            unfinished.write_text(json.dumps(told), encoding="utf-8")
        raise


def stopped_by(run_dir: Path, agent: int) -> str:
    """What stopped for good the processes that the process ``agent`` started; empty if nothing did, or others'."""
    file = run_dir / FILE
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return str(told["reason"]) if told.get("agent") == agent else ""
