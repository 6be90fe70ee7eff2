"""Recognise a changed file by its size and modification time, and copies of a file by a digest."""

import hashlib
import os
import stat
from pathlib import Path


def files_of(path: str) -> list[str]:
    """The file itself, or the sorted files of a folder of frames."""
    if not Path(path).is_dir():
        return [path]
    with os.scandir(path) as entries:
        return sorted(entry.path for entry in entries if entry.is_file())


def signature(path: str) -> tuple[int, int]:
    """Size in bytes and modification time (ns) of a file. For a folder of frames, the total size and the latest time.

    Returns: (-1, -1) if the file cannot be found.
    """
    try:
        stats = [os.stat(path)]  # noqa: PTH116 (Path.stat is slower)
    except (OSError, ValueError):  # ValueError: a path that no file can have
        return -1, -1
    if stat.S_ISDIR(stats[0].st_mode):
        stats = [os.stat(file) for file in files_of(path)]  # noqa: PTH116
    return sum(each.st_size for each in stats), max((each.st_mtime_ns for each in stats), default=-1)


def digest_of(path: str) -> str:
    """A hash of all bytes, equal for copies. Cheap right after decoding, while the system still caches the file."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files_of(path):
        with Path(file).open("rb") as stream:
            while part := stream.read(2**20):
                digest.update(part)
    return digest.hexdigest()
