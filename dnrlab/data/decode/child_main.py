"""The process that ``child.py`` starts. It answers (path, request) with facts, or with frames in shared memory.

A watchdog ends the process with code 1 when an answer takes longer than the limit. It is a C thread that does not need
the interpreter's lock. So the process soon ends after its parent, even while a decoder hangs.
"""

import faulthandler
import functools
import mmap
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dnrlab.data.decode.reader import IN_PROCESS
from dnrlab.data.decode.types import Frames, Indices

# None: facts; a number of frames: what decoding all of them shows; a decoder and the parts still to be read: frames
Request = None | int | tuple[str, Sequence[Indices]]


COUNTING = 10  # times the limit, for facts: the frames of some files are counted by decoding all of them


SLOWEST = 20  # frames per second; slower decoding counts as a hang


def main(connection: Connection, memory: int, limit_seconds: float) -> None:
    """Answer requests until the parent closes its end of the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and then closes the connection
    open_reading = OpenReading()
    with Path(os.devnull).open("w") as nowhere:
        while True:
            try:
                path, request = connection.recv()
            except (EOFError, ConnectionError):  # the parent has ended
                return
            faulthandler.dump_traceback_later(seconds_allowed(limit_seconds, request), exit=True, file=nowhere)
            reply = answer(path, request, memory, open_reading)
            faulthandler.cancel_dump_traceback_later()
            with suppress(ConnectionError):
                connection.send(reply)


def seconds_allowed(limit_seconds: float, request: Request) -> float:
    """The time for an answer: more for facts, for whole files, and for late frames of one decoded from its start."""
    if request is None:
        return COUNTING * limit_seconds
    if isinstance(request, int):
        return limit_seconds + request / SLOWEST
    decoder, parts = request
    return limit_seconds + (float(parts[0].max()) / SLOWEST if decoder == "pyav" else 0.0)


class OpenReading:
    """A file that is open, because parts of it are still to be read: which parts, and their frames."""

    rest: tuple[Any, ...] = ()
    frames: Iterator[Frames] = iter(())


def answer(path: str, request: Request, memory: int, open_reading: OpenReading) -> Any:
    """The answer, or the exception that was raised. Frames are written to ``memory``; their shape is the answer."""
    try:
        if request is None:
            return IN_PROCESS.examine(path)
        if isinstance(request, int):
            return IN_PROCESS.inspect(path, request)
        decoder, parts = request
        if open_reading.rest != rest_of(path, decoder, parts):
            if decoder.startswith("decord"):
                quiet_decord()
            open_reading.frames = IN_PROCESS.decode(decoder, path, parts)
        open_reading.rest = ()
        shape = put(next(open_reading.frames), memory)
        open_reading.rest = rest_of(path, decoder, parts[1:])
        if not open_reading.rest:
            open_reading.frames = iter(())  # closes the file
        return shape
    except Exception as error:  # the parent raises it
        return error


def rest_of(path: str, decoder: str, parts: Sequence[Indices]) -> tuple[Any, ...]:
    """What is still to be read, in a form that can be compared."""
    return (path, decoder, *(part.tobytes() for part in parts)) if parts else ()


@functools.cache
def quiet_decord() -> None:
    """Silence decord's FFmpeg, whose messages name no file. The ``reason`` of a VideoError says what matters."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)


def put(frames: Frames, memory: int) -> tuple[int, ...]:
    """Copy frames into the shared memory, which grows if needed and is reused. Returns their shape."""
    if os.fstat(memory).st_size < frames.nbytes:
        os.ftruncate(memory, frames.nbytes)
    np.frombuffer(mmap.mmap(memory, frames.nbytes), np.uint8).reshape(frames.shape)[:] = frames
    return frames.shape


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))
