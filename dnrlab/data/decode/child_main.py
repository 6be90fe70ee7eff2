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
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dnrlab.data.decode.reader import IN_PROCESS
from dnrlab.data.decode.types import Frames, Indices

COUNTING = 10  # times the limit, for facts: the frames of some files are counted by decoding all of them


def main(connection: Connection, memory: int, limit_seconds: float) -> None:
    """Answer requests until the parent closes its end of the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and then closes the connection
    going = Going()
    with Path(os.devnull).open("w") as nowhere:
        while True:
            try:
                path, request = connection.recv()
            except EOFError:
                return
            limit = limit_seconds if request else COUNTING * limit_seconds
            faulthandler.dump_traceback_later(limit, exit=True, file=nowhere)
            reply = answer(path, request, memory, going)
            faulthandler.cancel_dump_traceback_later()
            connection.send(reply)


class Going:
    """The reading of a file that may go on: what is still to be read, and the frames that come."""

    rest: tuple[Any, ...] = ()
    frames: Iterator[Frames] = iter(())


def answer(path: str, request: tuple[str, Sequence[Indices]] | None, memory: int, going: Going) -> Any:
    """The facts, or the shape of the first part's frames, written to ``memory``, or the exception that was raised."""
    try:
        if request is None:
            return IN_PROCESS.examine(path)
        decoder, parts = request
        if going.rest != rest_of(path, decoder, parts):
            if decoder == "decord":
                quiet_decord()
            going.frames = IN_PROCESS.decode(decoder, path, parts)
        going.rest = ()
        shape = put(next(going.frames), memory)
        going.rest = rest_of(path, decoder, parts[1:])
        if not going.rest:
            going.frames = iter(())  # closes the file
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
