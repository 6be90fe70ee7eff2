"""Decode video files to their end, several at a time, each in a separate process."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

import numpy as np

from dnrlab.data.decode.signature import digest_of, signature
from dnrlab.data.decode.types import Reader, VideoError, VideoInfo
from dnrlab.limits import is_of_the_machine
from dnrlab.parent import end_with_parent

DIED = "the decoding process died (the decoder crashed, or memory ran out); encode it again or leave it out"


class Decoded(NamedTuple):
    """Facts about a file. A file that cannot be read has a ``reason`` and no frames."""

    path: str
    num_frames: int  # the decoded frames, not the count in the container's header
    fps: float  # frames per second, nan if unknown
    duration_seconds: float
    times: str  # of the frames, in seconds after the first one, separated by spaces; empty where i / fps holds
    seeks: bool  # whether any frame is found without decoding from the start of the file
    reason: str  # why it cannot be read, empty if it can
    size: int  # bytes, -1 if the file cannot be read
    mtime_ns: int  # modification time, -1 if the file cannot be read
    digest: str  # of the bytes; empty if the file cannot be read
    note: str  # signs that frames are missing or damaged; empty if there are none


def decode_whole(path: str, reader: Reader) -> Decoded:
    """Decode a file to its end. Errors become the ``reason`` of the result."""
    try:
        size, mtime_ns = signature(path)  # taken before reading, so that a later change is noticed
        info = read_whole(path, reader)
        note = "; ".join(filter(None, (info.note, reader.flaws(path) if reader.flaws else "")))
        times = " ".join(f"{time:.6g}" for time in info.times)
        digest = digest_of(path)
        return Decoded(path, *info[:2], info.duration_seconds, times, info.seeks, "", size, mtime_ns, digest, note)
    except VideoError as error:
        return bad_file(path, error.reason)
    except Exception as error:  # a bad file must not end the check, whatever it raises
        if is_of_the_machine(error):
            raise
        return bad_file(path, f"{type(error).__name__}: {error}")


def bad_file(path: str, reason: str) -> Decoded:
    """The facts of a file that cannot be read."""
    return Decoded(path, 0, float("nan"), float("nan"), "", True, reason, -1, -1, "", "")


def read_whole(path: str, reader: Reader) -> VideoInfo:
    """Read every frame. VideoError if a frame cannot be read."""
    info = reader.probe(path)
    for _ in reader.read_parts(path, np.arange(info.num_frames)):
        pass
    return reader.probe(path)  # now it is known whether frames are found by seeking


def decode_many(paths: Sequence[str], reader: Reader, workers: int) -> Iterator[Decoded]:
    """The facts of every file, in the order in which ``workers`` processes finish them.

    When a process dies, the files that were being decoded are decoded again, one at a time, each in its own process.
    The file that kills its process is bad, and the check goes on.
    """
    rest = deque(paths)
    while rest:
        begun: dict[Future[Decoded], str] = {}
        others = {*multiprocessing.active_children()}
        pool = ProcessPoolExecutor(workers, initializer=leave_interrupts_to_parent)
        try:
            yield from run_pool(pool, rest, begun, reader, 2 * workers)
        except BrokenProcessPool:
            pass
        except SystemExit:  # at SIGTERM there is no time to wait for the end of long films
            for worker in {*multiprocessing.active_children()} - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        for path in begun.values():
            yield decode_alone(path, reader)


def run_pool(
    pool: ProcessPoolExecutor, rest: deque[str], begun: dict[Future[Decoded], str], reader: Reader, most: int
) -> Iterator[Decoded]:
    """Move paths from ``rest`` to ``begun``, at most ``most`` at a time, and yield their facts when they are ready."""
    while rest or begun:
        while rest and len(begun) < most:
            begun[pool.submit(decode_whole, rest[0], reader)] = rest[0]
            rest.popleft()
        for future in wait(begun, return_when=FIRST_COMPLETED).done:
            facts = future.result()
            del begun[future]
            yield facts


def decode_alone(path: str, reader: Reader) -> Decoded:
    """The facts of a file whose decoding may kill the process."""
    with ProcessPoolExecutor(1, initializer=leave_interrupts_to_parent) as pool:
        try:
            return pool.submit(decode_whole, path, reader).result()
        except BrokenProcessPool:
            return bad_file(path, DIED)


def leave_interrupts_to_parent() -> None:
    """Ignore Ctrl-C, which reaches all processes: the parent ends the check, the workers finish their files.

    A worker also ends when its parent is killed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
