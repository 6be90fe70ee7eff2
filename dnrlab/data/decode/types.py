"""What a video is to the rest of the library: a way to read it, what it says of itself, and what is wrong with it."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAMAGED = "encode it again or leave it out"


Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB


Indices = NDArray[np.int64]  # (T,), frame numbers from 0


class VideoInfo(NamedTuple):
    """What a video says of itself."""

    num_frames: int
    fps: float  # frames a second, the average; nan where it is unknown, as of a folder of pictures

    @property
    def duration_seconds(self) -> float:
        """nan where the frame rate is unknown."""
        return self.num_frames / self.fps


class Reader(NamedTuple):
    """A way to read videos: facts by path, and frames by path and frame numbers."""

    probe: Callable[[str], VideoInfo]
    read_frames: Callable[[str, Indices], Frames]


class VideoError(RuntimeError):
    """A video that cannot be read; carries its ``path`` and the ``reason``."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it can be pickled
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def first_line(error: Exception) -> str:
    """What an exception of a decoder says, without error numbers, lines of its source, paths, and decord's stack."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    before = r"^(\[Errno \d+\] )?(\[[\d:]+\] )?(\S+:\d+: )?(Check failed: )?(\[[^\]]*\])?"
    return re.sub(before, "", line).split(": '")[0]
