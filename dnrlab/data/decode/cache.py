"""A cache of decoded videos as memory-mapped arrays, so that the videos of a small set are decoded once.

At a short side of 36 pixels a square frame takes 36 * 36 * 3 bytes: 93 MB for 1,000 videos of 24 frames. All limits
count bytes. A cache that fails, such as on a full disk, is switched off: videos are then decoded every time.
"""

import functools
import hashlib
import logging
import mmap
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dnrlab.data.decode.child import decoding_in_child
from dnrlab.data.decode.reader import VideoFiles, reader_of
from dnrlab.data.decode.signature import signature
from dnrlab.data.decode.types import Frames, Reader
from dnrlab.data.transforms import resize_short_side, short_side_size

AUTO_VIDEOS = 5000  # cache_dir="auto" caches sets of at most this size


SHARE = 0.25  # the cache takes at most this part of the disk space that is free, or would be without the cache


LARGEST = 2**28  # bytes of a cached video; larger ones are decoded every time, at their own size


CACHED = re.compile(r"[0-9a-f]{32}\.(npy|[0-9a-f]+\.unfinished)")  # names of this module's files


log = logging.getLogger("dnrlab")


@dataclass(frozen=True)
class CachedFrames:
    """A ``read_frames`` that decodes a video once and stores it as an array, resized to ``short_side`` pixels.

    This is a class, not a closure, so that it can be pickled for a worker process.

    Args:
        decoder: part of the names of the stored files, because two decoders may give other pixels.
        limit: bytes of all stored files.
        since: seconds since the epoch. Files that were last read before are removed where space is needed.
    """

    reader: Reader
    folder: Path
    short_side: int
    decoder: str
    limit: int
    since: float

    def __call__(self, path: str, indices: NDArray[np.int64]) -> Frames:
        self.reader.probe(path)  # first: what is wrong with the file is no fault of the cache
        stored = None if has_failed(self.folder)[0] else self.stored(path)
        return self.reader.read_frames(path, indices) if stored is None else np.asarray(stored[indices])

    def stored(self, path: str) -> Frames | None:
        """The stored frames of a video, which is decoded if it is not stored yet; None if it cannot be stored."""
        cache_file = self.folder / cache_name(path, self.short_side, self.decoder)
        try:
            if cache_file.exists() or self.store(cache_file, path):
                with suppress(PermissionError):  # a cache of another user
                    os.utime(cache_file)  # when it was last read
                frames: Frames = np.load(cache_file, mmap_mode="r")
                return frames
        except FileNotFoundError:  # another process has removed it to make room
            pass
        except (ValueError, EOFError):  # a file that was cut
            with suppress(OSError):
                cache_file.unlink(missing_ok=True)
        except OSError as error:
            switch_off(self.folder, error)
        return None

    def store(self, cache_file: Path, path: str) -> bool:
        """Decode a video into ``cache_file``, which appears only when it is complete. False if there is no room."""
        info = self.reader.probe(path)
        height, width = info.size if all(info.size) else self.reader.read_frames(path, np.zeros(1, np.int64)).shape[1:3]
        height, width = short_side_size(height, width, self.short_side)
        needed = info.num_frames * height * width * 3
        if needed > LARGEST or not make_room(self.folder, needed, self.limit, self.since):
            return False
        unfinished = cache_file.with_suffix(f".{uuid.uuid4().hex}.unfinished")  # two workers may decode the same video
        try:
            with unfinished.open("wb") as stream:
                for number, part in enumerate(self.reader.read_parts(path, np.arange(info.num_frames))):
                    frames = resize_short_side(torch.from_numpy(part).permute(0, 3, 1, 2), self.short_side)
                    pixels = frames.permute(0, 2, 3, 1).contiguous().numpy()  # (T, H, W, 3)
                    if number == 0:
                        shape = (info.num_frames, *pixels.shape[1:])
                        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                        np.lib.format.write_array_header_1_0(stream, header)
                    stream.write(pixels.data)
            unfinished.replace(cache_file)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return True


@functools.cache
def has_failed(folder: Path) -> mmap.mmap:
    """One byte, 1 if the cache in this folder has failed. Workers that are forked later share it."""
    return mmap.mmap(-1, 1)


def switch_off(folder: Path, error: Exception) -> None:
    """Switch a cache off, in this process and its workers, and say so once."""
    if not has_failed(folder)[0]:
        has_failed(folder)[0] = 1
        log.warning(f"the cache {folder} is switched off, so videos are decoded every time: {error}")


def make_room(folder: Path, needed: int, limit: int, since: float) -> bool:
    """Whether ``needed`` bytes fit into the cache. Files last read before ``since`` are removed, the oldest first.

    Files that this training or evaluation has read stay. If they fill the cache, other videos are not stored: removing
    files that are read again in every epoch would cost more than it saves.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(stored_files(folder))
    room = min(limit - sum(size for _, size, _ in files), shutil.disk_usage(folder).free)
    for used, size, file in files:
        if room >= needed or used >= since:
            break
        with suppress(OSError):  # another process has removed it, or reads it (Windows)
            Path(file).unlink()
            room += size
    return room >= needed


def stored_files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """When each file of a cache was last read, its size in bytes, and its path. Other files are left out."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not CACHED.fullmatch(entry.name):
                continue
            with suppress(OSError):
                stat = entry.stat()
                yield stat.st_mtime, stat.st_size, entry.path


def cached_reader(reader: Reader, folder: str | Path, short_side: int, decoder: str = "auto") -> Reader:
    """A reader that decodes every video once. It stores all frames of a video, so it suits small sets of short videos.

    The name of a cache file depends on the video's path, size and modification time, on ``short_side`` and ``decoder``:
    a changed video is decoded again.
    """
    folder = Path(folder)
    has_failed(folder)[0] = 0  # made here, before workers are forked
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    taken = sum(size for _, size, _ in stored_files(folder)) if folder.is_dir() else 0
    limit = int(SHARE * (shutil.disk_usage(existing).free + taken))
    say_limit(folder, limit)
    return Reader(reader.probe, CachedFrames(reader, folder, short_side, decoder, limit, time.time()), *reader[2:])


said: set[Path] = set()  # caches whose limit was logged


def say_limit(folder: Path, limit: int) -> None:
    """Log the limit of a cache, once per process."""
    if folder not in said:
        said.add(folder)
        log.info(
            f"decoded videos are stored in {folder}, at most {limit / 2**30:.1f} GiB (a quarter of the free space)"
        )


def reader_for(cache_dir: str | Path, short_side: int, num_videos: int, decoder: str = "auto") -> Reader:
    """The reader of training and evaluation: it opens files in a separate process, and may cache decoded videos.

    Args:
        cache_dir: folder of the cache; empty for no cache; ``auto`` for ``runs/cache`` if there are at most 5,000
            videos, otherwise no cache. A cache takes at most a quarter of the free disk space.
        short_side: short side of the cached frames, in pixels.
        num_videos: number of videos in the manifest.
        decoder: ``auto``, ``decord`` or ``pyav``; see ``VideoFiles``.
    """
    reader = reader_of(VideoFiles(decoder, decoding_in_child()))
    if cache_dir == "auto":
        cache_dir = "runs/cache" if num_videos <= AUTO_VIDEOS else ""
    return cached_reader(reader, cache_dir, short_side, decoder) if cache_dir else reader


def cache_name(path: str, short_side: int, decoder: str) -> str:
    """The name of a video's cache file."""
    identity = f"{Path(path).resolve()}|{signature(path)}|{short_side}|{decoder}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32] + ".npy"
