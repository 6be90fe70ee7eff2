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
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dnrlab.data.decode.reader import IN_PROCESS
from dnrlab.data.decode.types import Frames, Indices


def main(connection: Connection, memory: int, limit_seconds: float) -> None:
    """Answer requests until the parent closes its end of the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and then closes the connection
    with Path(os.devnull).open("w") as nowhere:
        while True:
            try:
                path, request = connection.recv()
            except EOFError:
                return
            faulthandler.dump_traceback_later(limit_seconds, exit=True, file=nowhere)
            reply = answer(path, request, memory)
            faulthandler.cancel_dump_traceback_later()
            connection.send(reply)


def answer(path: str, request: tuple[str, Indices] | None, memory: int) -> Any:
    """The facts, or the shape of the frames that were written to ``memory``, or the exception that was raised."""
    try:
        if request is None:
            return IN_PROCESS.examine(path)
        decoder, indices = request
        if decoder == "decord":
            quiet_decord()
        return put(IN_PROCESS.decode(decoder, path, indices), memory)
    except Exception as error:  # the parent raises it
        return error


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
