"""The process that ``decoding_process`` starts: answers (path, request) by facts, or by frames in shared memory.

A watchdog, a thread of C that needs no lock of the interpreter, ends the process with code 1 when an answer takes
longer than the limit; so it does not outlive its parent for long even while a decoder hangs.
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
    """Answer until the parent closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then lets go
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
    """Facts, the shape of the frames that were put into ``memory``, or the exception that came instead."""
    try:
        if request is None:
            return IN_PROCESS.examine(path)
        decoder, numbers = request
        if decoder == "decord":
            quiet_decord()
        return put(IN_PROCESS.decode(decoder, path, numbers), memory)
    except Exception as error:  # for the parent to raise
        return error


@functools.cache
def quiet_decord() -> None:
    """Keep messages of the FFmpeg in decord out of logs and bars: they name no file. What counts comes as a reason."""
    import decord

    decord.logging.set_level(decord.logging.QUIET)


def put(frames: Frames, memory: int) -> tuple[int, ...]:
    """Copy frames into shared memory, which grows as it must and is kept for the next; returns their shape."""
    if os.fstat(memory).st_size < frames.nbytes:
        os.ftruncate(memory, frames.nbytes)
    np.frombuffer(mmap.mmap(memory, frames.nbytes), np.uint8).reshape(frames.shape)[:] = frames
    return frames.shape


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))
