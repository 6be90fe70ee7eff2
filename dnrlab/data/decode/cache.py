"""Decoded videos kept as memory-mapped arrays, so that a small set is decoded once.

A cache of short side 36 takes 36 * 36 * 3 bytes a square frame: 93 MB for 1,000 videos of 24 frames.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dnrlab.data.decode.child import decoding_in_child
from dnrlab.data.decode.reader import VideoFiles, reader_of
from dnrlab.data.decode.signature import signature
from dnrlab.data.decode.types import Frames, Reader
from dnrlab.data.transforms import resize_short_side
from dnrlab.files import atomic_write

AUTO_VIDEOS = 5000  # sets of at most so many are kept without being asked


LONG_VIDEO = 1000  # frames; longer videos are not kept


@dataclass(frozen=True)
class CachedFrames:
    """``read_frames`` that decodes a video once, resized to ``short_side`` pixels, and maps it from then on.

    Videos of more than ``LONG_VIDEO`` frames are decoded every time, at their own size.

    A class, not a closure, so that it can be sent to a worker process.
    """

    reader: Reader
    folder: Path
    short_side: int

    def __call__(self, path: str, indices: NDArray[np.int64]) -> Frames:
        if self.reader.probe(path).num_frames > LONG_VIDEO:
            return self.reader.read_frames(path, indices)
        kept = self.folder / cache_name(path, self.short_side)
        if not kept.exists():
            self.decode_into(kept, path)
        return np.asarray(np.load(kept, mmap_mode="r")[indices])

    def decode_into(self, kept: Path, path: str) -> None:
        """Decode a whole video into the file ``kept``, which appears when it is complete."""
        frames = self.reader.read_frames(path, np.arange(self.reader.probe(path).num_frames))
        resized = resize_short_side(torch.from_numpy(frames).permute(0, 3, 1, 2), self.short_side)  # (T, 3, H, W)
        with atomic_write(kept, writer=f".{os.getpid()}") as unfinished:  # two workers may decode the same video
            np.save(unfinished, resized.permute(0, 2, 3, 1).contiguous().numpy())


def cached_reader(reader: Reader, folder: str | Path, short_side: int) -> Reader:
    """A reader that decodes every video once. For small sets of short videos: it keeps all frames of a video.

    The file's name holds the video's path, size and time of change, so that a changed video is decoded again.
    """
    return Reader(reader.probe, CachedFrames(reader, Path(folder), short_side))


def reader_for(cache_dir: str | Path, short_side: int, num_videos: int, decoder: str = "auto") -> Reader:
    """The reader of training and evaluation: files are opened in a process of their own, and may be kept decoded.

    Args:
        cache_dir: folder that keeps it; empty for none; ``auto`` for ``runs/cache`` if there are at most 5,000 videos.
        short_side: pixels of the kept frames.
        num_videos: in the manifest.
        decoder: ``auto``, ``decord`` or ``pyav``; see ``VideoFiles``.
    """
    reader = reader_of(VideoFiles(decoder, decoding_in_child()))
    if cache_dir == "auto":
        cache_dir = "runs/cache" if num_videos <= AUTO_VIDEOS else ""
    return cached_reader(reader, cache_dir, short_side) if cache_dir else reader


def cache_name(path: str, short_side: int) -> str:
    """File name of a cached video."""
    identity = f"{Path(path).resolve()}|{signature(path)}|{short_side}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32] + ".npy"
