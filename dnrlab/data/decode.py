"""Reading frames of video files: decord where it has a wheel, PyAV elsewhere.

Both give the same frames; PyAV does not apply a rotation flag.
"""

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DAMAGED = "encode it again or leave it out"
Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB


class VideoInfo(NamedTuple):
    """What a video says of itself."""

    num_frames: int
    fps: float  # frames a second, the average


class Reader(NamedTuple):
    """A way to read videos: facts by path, and frames by path and frame numbers."""

    probe: Callable[[str], VideoInfo]
    read_frames: Callable[[str, NDArray[np.int64]], Frames]


class VideoError(RuntimeError):
    """A video that cannot be read; carries its ``path`` and the ``reason``."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it can be pickled
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def probe(path: str) -> VideoInfo:
    """Number of frames and frame rate of a video. VideoError if it cannot be opened or has no frame."""
    check_file(path)
    stat = Path(path).stat()
    return probe_file(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=100_000)
def probe_file(path: str, size: int, changed: int) -> VideoInfo:
    """Facts of a file, kept by its size in bytes and its time of change, so that a new file is opened anew."""
    if have_decord():
        reader = open_decord(path)
        info = VideoInfo(len(reader), float(reader.get_avg_fps()))
    else:
        info = probe_pyav(path)
    if info.num_frames < 1:
        raise VideoError(path, "no frame can be decoded")
    return info


def read_frames(path: str, indices: NDArray[np.int64]) -> Frames:
    """The frames of the given numbers, in the given order; each is decoded once however often it is asked for.

    Args:
        path: a video file.
        indices: frame numbers, (T,), each in [0, number of frames).

    Returns: (T, H, W, 3) uint8, RGB.

    Raises: VideoError if the file cannot be read; IndexError if a number lies outside the video.
    """
    num_frames = probe(path).num_frames
    if len(indices) == 0 or indices.min() < 0 or indices.max() >= num_frames:  # decord wraps -1 and truncates 1.7
        raise IndexError(f"{path}: expected frame numbers in [0, {num_frames}), got {indices.tolist()}")
    unique, inverse = np.unique(indices, return_inverse=True)
    if not have_decord():
        return read_pyav(path, unique)[inverse]
    return read_decord(path, unique)[inverse]


READER = Reader(probe, read_frames)


def have_decord() -> bool:
    """Whether decord (or eva-decord, of the same import name) is installed."""
    return importlib.util.find_spec("decord") is not None


def check_file(path: str) -> None:
    """VideoError unless ``path`` is a file with something in it."""
    if not Path(path).exists():
        raise VideoError(path, "no such file; correct the path, or the root that it is relative to")
    if not Path(path).is_file():
        raise VideoError(path, "a folder, where a video file was expected")
    if Path(path).stat().st_size == 0:
        raise VideoError(path, "an empty file (0 bytes); copy or download it again")


def open_decord(path: str) -> Any:
    """A decord reader of one thread, to be dropped after use: kept readers grow."""
    import decord

    try:
        return decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1)
    except (RuntimeError, decord.DECORDError) as error:
        raise VideoError(path, f"not a video that can be decoded, {DAMAGED} ({first_line(error)})") from error


def read_decord(path: str, sorted_indices: NDArray[np.int64]) -> Frames:
    """The frames of ascending numbers, each decoded once."""
    import decord

    try:
        frames: Frames = open_decord(path).get_batch(sorted_indices).asnumpy()
    except (RuntimeError, decord.DECORDError) as error:  # the second is no RuntimeError
        raise VideoError(path, f"decoding stopped, {DAMAGED} ({first_line(error)})") from error
    return frames


def first_line(error: Exception) -> str:
    """What an exception says, without the stack that decord appends."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split("] ")[-1].split("Check failed: ")[-1]


def probe_pyav(path: str) -> VideoInfo:
    """Facts by counting the decoded frames, since a container's own count may be missing or wrong."""
    import av

    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise VideoError(path, "not a video that can be decoded: no video stream")
            rate = container.streams.video[0].average_rate
            return VideoInfo(sum(1 for _ in container.decode(video=0)), float(rate or 0))
    except av.FFmpegError as error:
        raise VideoError(path, f"not a video that can be decoded: {first_line(error)}") from error


def read_pyav(path: str, sorted_indices: NDArray[np.int64]) -> Frames:
    """The frames of ascending numbers, decoded from the first on."""
    import av

    wanted, frames = set(sorted_indices.tolist()), []
    try:
        with av.open(path) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    frames.append(frame.to_ndarray(format="rgb24"))
                if len(frames) == len(wanted):
                    return np.stack(frames)
    except av.FFmpegError as error:
        raise VideoError(path, f"decoding stopped: {first_line(error)}") from error
    raise VideoError(path, f"decoding stopped after {len(frames)} of {len(wanted)} wanted frames")
