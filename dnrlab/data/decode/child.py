"""Decoding in a separate process, so that a file may take too long, or crash the decoder, without harm.

decord can hang while it holds the interpreter's lock, so only another process can stop it. A loader's worker must not
have ``multiprocessing`` children, so the child is a plain command (``child_main``). Pixels come back through anonymous
shared memory: whichever process is killed, no file is left behind.
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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import numpy as np

from dnrlab.data.decode.child_main import Request, seconds_allowed
from dnrlab.data.decode.flaws import Decoded
from dnrlab.data.decode.packets import Facts
from dnrlab.data.decode.reader import IN_PROCESS, Decoding
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError

LIMIT_SECONDS = 60.0  # to read one part of the frames; the slowest read of an intact video that we saw took 2 s


KILLED = (-9, -15)  # exit codes of a child that was killed from outside: SIGKILL, SIGTERM


held = threading.local()  # holds this thread's child from one read to the next; the child ends with the thread


@functools.cache
def decoding_in_child(limit_seconds: float = LIMIT_SECONDS) -> Decoding:
    """A ``Decoding`` that opens files in another process.

    On Windows, which cannot pass open files on, it opens them in this process, without a time limit.
    """
    if os.name != "posix":
        return IN_PROCESS
    return Decoding(
        partial(examine_in_child, limit_seconds),
        partial(decode_in_child, limit_seconds),
        partial(inspect_in_child, limit_seconds),
    )


def examine_in_child(limit_seconds: float, path: str) -> Facts:
    """Facts of a video. VideoError also if the child gives no answer in time or dies."""
    facts: Facts = ask(limit_seconds, path, None)[1]
    return facts


def inspect_in_child(limit_seconds: float, path: str, num_frames: int) -> Decoded:
    """What decoding a whole video shows. VideoError also if the child gives no answer in time or dies."""
    decoded: Decoded = ask(limit_seconds, path, num_frames)[1]
    return decoded


def decode_in_child(limit_seconds: float, decoder: str, path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part. Copy them: the thread's next read overwrites their memory.

    The child is asked for one part at a time, and told which parts follow. It keeps the file open for them, and opens
    it again if another read came between.

    Raises: VideoError also if the child gives no answer in time or dies.
    """
    for number in range(len(parts)):
        child, shape = ask(limit_seconds, path, (decoder, parts[number:]))
        yield np.frombuffer(mmap.mmap(child.memory.fileno(), int(np.prod(shape))), np.uint8).reshape(shape)


def ask(limit_seconds: float, path: str, request: Request) -> tuple["Child", Any]:
    """This thread's child, and its answer; see ``Child.ask``.

    A child that was killed from outside (by a person, or for memory) is asked again in a new one, once: before that
    the file cannot be blamed.
    """
    child = child_of_thread(limit_seconds)
    try:
        return child, child.ask(path, request)
    except VideoError:
        if child.process.returncode not in KILLED:
            raise
    child = child_of_thread(limit_seconds)
    return child, child.ask(path, request)


class Child:
    """A process that answers one request at a time. It ends itself if an answer takes too long: ``seconds_allowed``."""

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds, self.owner, self.core = limit_seconds, os.getpid(), -1
        self.memory = nameless_memory()
        self.connection, theirs = multiprocessing.Pipe()
        passed_on = (theirs.fileno(), self.memory.fileno())
        command = [
            sys.executable,
            "-P",
            "-m",
            "dnrlab.data.decode.child_main",
            *map(str, passed_on),
            str(limit_seconds),
        ]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([package_folder(), *filter(None, sys.path)])}
        self.process = subprocess.Popen(command, pass_fds=passed_on, env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        self.close = weakref.finalize(self, end, self.process, self.connection, self.owner)

    def ask(self, path: str, request: Request) -> Any:
        """Send a request and wait for the answer.

        Args:
            path: the video.
            request: see ``Request``.

        Returns: the answer; for frames their shape, they are then in ``memory``.

        Raises: VideoError if the video cannot be read, or the process dies or ends itself.
        """
        start = time.monotonic()
        self.core = same_core(self.process.pid, self.core)
        try:
            self.connection.send((path, request))
            answer = self.connection.recv()
        except (EOFError, ConnectionError):
            code = self.process.wait()
            self.close()
            limit = seconds_allowed(self.limit_seconds, request)
            too_long = time.monotonic() - start >= limit
            reason = f"gave no answer within {limit:g} s" if too_long else f"died (exit code {code})"
            raise VideoError(path, f"the decoding process {reason}; {DAMAGED}") from None
        except BaseException:  # an interrupt: the next request must not receive the answer to this one
            self.close()
            raise
        if isinstance(answer, Exception):
            raise answer
        return answer


def child_of_thread(limit_seconds: float) -> Child:
    """This thread's child. A new one is started if there is none, it has ended, or this process is a fork."""
    child: Child | None = getattr(held, "child", None)
    if child is None or child.owner != os.getpid() or not child.close.alive or child.limit_seconds != limit_seconds:
        held.child = child = Child(limit_seconds)
    return child


def same_core(process: int, before: int) -> int:
    """Move ``process`` to the core that this process runs on now. Returns that core; ``before`` is the last one.

    The two processes take turns: one waits while the other works. Left alone, Linux wakes one of them on a core that
    another pair keeps busy, while its own core idles. Two workers on two cores then read 0.6 times twice what one
    worker reads; on one core per pair they read 0.88 times twice that. On other systems this does nothing.
    """
    here: int = ctypes.CDLL(None).sched_getcpu() if sys.platform == "linux" else before
    if here != before:
        with suppress(OSError):  # the process has died: the request will report it
            os.sched_setaffinity(process, {here})
    return here


def nameless_memory() -> IO[bytes]:
    """An anonymous file in memory, or a temporary file where the system has none. It ends with its last process."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("dnrlab"), "r+b")  # noqa: PTH123 (closed with the child)
    return tempfile.TemporaryFile()


def package_folder() -> str:
    """The folder that contains the package, for a child that may start in another folder."""
    return str(Path(__file__).parents[3])


def end(process: "subprocess.Popen[bytes]", connection: Connection, owner: int) -> None:
    """Close the connection to a child, and end the child if this process started it (a fork did not)."""
    connection.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()
