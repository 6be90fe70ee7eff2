"""The types that describe a video: how to read it, its number of frames and frame rate, and why it cannot be read."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DAMAGED = "encode it again or leave it out"


Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB


Indices = NDArray[np.int64]  # (T,), frame indices from 0


class VideoInfo(NamedTuple):
    """Number of frames of a video, their times, and how they are found. Frames are those that a decoder returns."""

    num_frames: int
    fps: float  # frames per second, on average; nan where unknown, as for a folder of JPEG frames
    times: tuple[float, ...] = ()  # seconds after the first frame; empty where frame i is shown at i / fps
    seeks: bool = True  # whether any frame is found by seeking; before the first read: whether the packets allow it
    size: tuple[int, int] = (0, 0)  # height and width as stored, in pixels; 0 where unknown
    note: str = ""  # signs that frames are missing or damaged, in words; see ``damage``

    @property
    def duration_seconds(self) -> float:
        """nan where the frame rate is unknown."""
        return self.num_frames / self.fps

    def seconds_of(self, indices: ArrayLike) -> NDArray[np.float64]:
        """The times of frames, in seconds after the first frame. nan where the frame rate is unknown."""
        where = np.asarray(indices)
        return np.array(self.times)[where] if self.times else where / np.float64(self.fps)


class Reader(NamedTuple):
    """Functions that read videos: ``probe(path)``, ``read_frames(path, indices)`` and, for long videos, ``parts``.

    ``flaws(path)`` decodes a whole file and says what is wrong with its frames.
    """

    probe: Callable[[str], VideoInfo]
    read_frames: Callable[[str, Indices], Frames]
    parts: Callable[[str, Indices], Iterator[Frames]] | None = None
    flaws: Callable[[str], str] | None = None

    def read_parts(self, path: str, indices: Indices) -> Iterator[Frames]:
        """The frames at ascending, distinct indices, in parts of limited size: a long video needs little memory.

        Copy a part: the next read may overwrite it.
        """
        return iter([self.read_frames(path, indices)]) if self.parts is None else self.parts(path, indices)


class VideoError(RuntimeError):
    """A video cannot be read. The attributes ``path`` and ``reason`` say which and why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)  # both arguments, so that the error can be pickled
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def first_line(error: Exception) -> str:
    """The first line of a decoder's exception, without error numbers, source lines, paths and decord's stack."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    before = r"^(\[Errno \d+\] )?(\[[\d:]+\] )?(\S+:\d+: )?(Check failed: )?(\[[^\]]*\])?"
    return re.sub(before, "", line).split(": '")[0]
