"""Decoding in a process of its own, which is given up when a file takes too long or kills it.

decord can hang while it holds the interpreter's lock, so only another process can end it. A loader's worker must not
have children of ``multiprocessing``, so the child is a plain command (``decoding_child``). Pixels come back through
memory that has no name: nothing is left behind, whoever is killed.
"""

import ctypes
import functools
import mmap
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import numpy as np

from dnrlab.data.decode.packets import Facts
from dnrlab.data.decode.reader import IN_PROCESS, Decoding
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError

LIMIT_SECONDS = 60.0  # for one read; the slowest of a healthy video seen here took 2


held = threading.local()  # the child of this thread, kept from read to read; it ends with the thread


@functools.cache
def decoding_in_child(limit_seconds: float = LIMIT_SECONDS) -> Decoding:
    """What opens files in another process. On Windows in this one, without a limit: it cannot hand on open files."""
    if os.name != "posix":
        return IN_PROCESS
    return Decoding(partial(examine_in_child, limit_seconds), partial(decode_in_child, limit_seconds))


def examine_in_child(limit_seconds: float, path: str) -> Facts:
    """Facts of a video. VideoError also if no answer comes in time or the process dies."""
    facts: Facts = child_of_thread(limit_seconds).ask(path, None)
    return facts


def decode_in_child(limit_seconds: float, decoder: str, path: str, numbers: Indices) -> Frames:
    """Frames (T, H, W, 3) of ascending numbers, in memory that holds until the thread's next read: copy them.

    Raises: VideoError also if no answer comes in time or the process dies.
    """
    child = child_of_thread(limit_seconds)
    shape: tuple[int, ...] = child.ask(path, (decoder, numbers))
    return np.frombuffer(mmap.mmap(child.memory.fileno(), int(np.prod(shape))), np.uint8).reshape(shape)


class Child:
    """A process that answers questions about videos, one at a time, and ends itself after ``limit_seconds`` on one."""

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds, self.owner, self.core = limit_seconds, os.getpid(), -1
        self.memory = nameless_memory()
        self.connection, theirs = multiprocessing.Pipe()
        handed_on = (theirs.fileno(), self.memory.fileno())
        command = [
            sys.executable,
            "-P",
            "-m",
            "dnrlab.data.decode.child_main",
            *map(str, handed_on),
            str(limit_seconds),
        ]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([package_folder(), *filter(None, sys.path)])}
        self.process = subprocess.Popen(command, pass_fds=handed_on, env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        self.close = weakref.finalize(self, end, self.process, self.connection, self.owner)

    def ask(self, path: str, request: tuple[str, Indices] | None) -> Any:
        """The facts of a video, or for (decoder, numbers) the shape of the frames that lie in ``memory`` then.

        Raises: VideoError if the video cannot be read, the process dies, or ends itself.
        """
        asked = time.monotonic()
        self.core = same_core(self.process.pid, self.core)
        try:
            self.connection.send((path, request))
            answer = self.connection.recv()
        except (EOFError, ConnectionError):
            code = self.process.wait()
            self.close()
            too_long = time.monotonic() - asked >= self.limit_seconds
            reason = f"no answer within {self.limit_seconds:g} s" if too_long else f"death, exit code {code}"
            raise VideoError(path, f"the decoder was given up ({reason}); {DAMAGED}") from None
        except BaseException:  # an interrupt: the answer to this question must not meet the next one
            self.close()
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer


def child_of_thread(limit_seconds: float) -> Child:
    """This thread's child, started where there is none: not yet, not in this process (after a fork), or no more."""
    child: Child | None = getattr(held, "child", None)
    if child is None or child.owner != os.getpid() or not child.close.alive or child.limit_seconds != limit_seconds:
        held.child = child = Child(limit_seconds)
    return child


def same_core(process: int, before: int) -> int:
    """Let a process that this one will wait for run where this one runs now. Returns that core; ``before`` it was.

    The two take turns. Left alone, Linux wakes one of them on a core that another pair keeps busy while its own idles:
    two workers on two cores read 0.6 of twice what one reads alone, and so 0.88. Elsewhere this does nothing.
    """
    here: int = ctypes.CDLL(None).sched_getcpu() if sys.platform == "linux" else before
    if here != before:
        with suppress(OSError):  # it has died: the question will tell
            os.sched_setaffinity(process, {here})
    return here


def nameless_memory() -> IO[bytes]:
    """A file in memory, or on disk where the system has none such; it vanishes with the last process that holds it."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("dnrlab"), "r+b")  # noqa: PTH123 (held by the child's owner)
    return tempfile.TemporaryFile()


def package_folder() -> str:
    """The folder that holds the package, for a child that may start elsewhere."""
    return str(Path(__file__).parents[3])


def end(process: "subprocess.Popen[bytes]", connection: Connection, owner: int) -> None:
    """Let go of a child, and end it unless it is another process's (this one being a fork of that)."""
    connection.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()
