"""A cache of decoded videos as memory-mapped arrays, so that the videos of a small set are decoded once.

At a short side of 36 pixels a square frame takes 36 * 36 * 3 bytes: 93 MB for 1,000 videos of 24 frames.
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

AUTO_VIDEOS = 5000  # cache_dir="auto" caches sets of at most this size


LONG_VIDEO = 1000  # frames; longer videos are not cached


@dataclass(frozen=True)
class CachedFrames:
    """A ``read_frames`` that decodes a video once and stores it as an array, resized to ``short_side`` pixels.

    Videos of more than ``LONG_VIDEO`` frames are not stored: they are decoded every time, at their own size.

    This is a class, not a closure, so that it can be pickled for a worker process.
    """

    reader: Reader
    folder: Path
    short_side: int

    def __call__(self, path: str, indices: NDArray[np.int64]) -> Frames:
        if self.reader.probe(path).num_frames > LONG_VIDEO:
            return self.reader.read_frames(path, indices)
        cache_file = self.folder / cache_name(path, self.short_side)
        if not cache_file.exists():
            self.decode_into(cache_file, path)
        return np.asarray(np.load(cache_file, mmap_mode="r")[indices])

    def decode_into(self, cache_file: Path, path: str) -> None:
        """Decode a whole video into ``cache_file``, which appears only when it is complete."""
        frames = self.reader.read_frames(path, np.arange(self.reader.probe(path).num_frames))
        resized = resize_short_side(torch.from_numpy(frames).permute(0, 3, 1, 2), self.short_side)  # (T, 3, H, W)
        with atomic_write(cache_file, writer=f".{os.getpid()}") as unfinished:  # two workers may decode the same video
            np.save(unfinished, resized.permute(0, 2, 3, 1).contiguous().numpy())


def cached_reader(reader: Reader, folder: str | Path, short_side: int) -> Reader:
    """A reader that decodes every video once. It stores all frames of a video, so it suits small sets of short videos.

    The name of a cache file depends on the video's path, size and modification time: a changed video is decoded again.
    """
    return Reader(reader.probe, CachedFrames(reader, Path(folder), short_side))


def reader_for(cache_dir: str | Path, short_side: int, num_videos: int, decoder: str = "auto") -> Reader:
    """The reader of training and evaluation: it opens files in a separate process, and may cache decoded videos.

    Args:
        cache_dir: folder of the cache; empty for no cache; ``auto`` for ``runs/cache`` if there are at most 5,000
            videos, otherwise no cache.
        short_side: short side of the cached frames, in pixels.
        num_videos: number of videos in the manifest.
        decoder: ``auto``, ``decord`` or ``pyav``; see ``VideoFiles``.
    """
    reader = reader_of(VideoFiles(decoder, decoding_in_child()))
    if cache_dir == "auto":
        cache_dir = "runs/cache" if num_videos <= AUTO_VIDEOS else ""
    return cached_reader(reader, cache_dir, short_side) if cache_dir else reader


def cache_name(path: str, short_side: int) -> str:
    """The name of a video's cache file."""
    identity = f"{Path(path).resolve()}|{signature(path)}|{short_side}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32] + ".npy"
