"""Reading frames of videos: one ``read_frames(path, indices)`` over decord, PyAV and folders of JPEG frames.

What is in a file is counted once, for every decoder alike (``packets``). decord reads it where it may seek in it; PyAV
where decord has no wheel, would number frames wrongly, or fails. data_manifests/DECODING.md lists what comes of
damaged and odd files.
"""

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dnrlab.data.decode.decord_reader import have_decord, read_decord
from dnrlab.data.decode.jpeg_folder import examine_folder, read_folder
from dnrlab.data.decode.packets import Facts, examine_file
from dnrlab.data.decode.pyav_reader import read_pyav
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, Reader, VideoError, VideoInfo

__all__ = ["DAMAGED", "DECODERS", "READER", "Frames", "Reader", "VideoError", "VideoInfo", "probe", "read_frames"]


DECODERS = ("auto", "decord", "pyav")


UNSUITED = "decord would number its frames wrongly, or take another stream; set decoder to auto or pyav"


log = logging.getLogger("dnrlab")


class Decoding(NamedTuple):
    """What opens files: in this process (``HERE``), or in one of its own (``decoding_process``)."""

    examine: Callable[[str], Facts]
    decode: Callable[[str, str, Indices], Frames]  # decoder, path, ascending numbers


def examine(path: str) -> Facts:
    """Facts of a video file or a folder of frames. VideoError if it is neither."""
    return Facts(examine_folder(path), False) if Path(path).is_dir() else examine_file(path)


def decode(decoder: str, path: str, numbers: Indices) -> Frames:
    """Frames (T, H, W, 3) of ascending, distinct numbers, by ``decord``, ``pyav`` or ``folder``."""
    return {"decord": read_decord, "pyav": read_pyav, "folder": read_folder}[decoder](path, numbers)


IN_PROCESS = Decoding(examine, decode)


@dataclass(frozen=True)
class VideoFiles:
    """Probing and reading, by one choice of decoder. A class, so that its methods can be sent to a worker process.

    Args:
        decoder: ``auto`` (decord, and PyAV where it must), ``decord`` or ``pyav``, which take no other's place.
        decoding: what opens the files.
    """

    decoder: str = "auto"
    decoding: Decoding = IN_PROCESS

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ValueError(f"expected a decoder of {', '.join(DECODERS)}, got {self.decoder!r}")

    def probe(self, path: str) -> VideoInfo:
        """Number of frames and frame rate of a video. VideoError if it cannot be opened or has no frame."""
        return facts_of(path, self.decoding).info

    def read_frames(self, path: str, indices: Indices) -> Frames:
        """The frames of the given numbers, in the given order; each is decoded once however often it is asked for.

        Args:
            path: a video file, or a folder of JPEG frames.
            indices: frame numbers, (T,), each in [0, number of frames).

        Returns: (T, H, W, 3) uint8, RGB.

        Raises: VideoError if the file cannot be read; IndexError if a number lies outside the video; TypeError if
        the numbers are no integers.
        """
        facts = facts_of(path, self.decoding)
        check_indices(path, np.asarray(indices), facts.info.num_frames)
        unique, inverse = np.unique(indices, return_inverse=True)
        return self.read_sorted(path, facts, unique)[inverse]

    def read_sorted(self, path: str, facts: Facts, numbers: Indices) -> Frames:
        """The frames of ascending, distinct numbers, by the decoder that the choice and the file allow."""
        if Path(path).is_dir():
            return self.decoding.decode("folder", path, numbers)
        if self.decoder == "decord" and not facts.suits_decord:
            raise VideoError(path, UNSUITED)
        if self.decoder == "pyav" or not facts.suits_decord or not have_decord():
            return self.decoding.decode("pyav", path, numbers)
        try:
            return self.decoding.decode("decord", path, numbers)
        except VideoError as error:
            if self.decoder == "decord":
                raise
            frames = self.decoding.decode("pyav", path, numbers)
            log_once(path, error.reason)
            return frames


def facts_of(path: str, decoding: Decoding) -> Facts:
    """Facts of a video, remembered until the file changes."""
    check_file(path)
    stat = Path(path).stat()
    return remembered_facts(path, stat.st_size, stat.st_mtime_ns, decoding)


@functools.lru_cache(maxsize=100_000)
def remembered_facts(path: str, size: int, changed: int, decoding: Decoding) -> Facts:
    """Facts of a file, kept by its size in bytes and its time of change, so that a new file is opened anew."""
    return decoding.examine(path)


def forget_facts() -> None:
    """Let every file be examined again, as in a process that has not read it yet."""
    remembered_facts.cache_clear()


@functools.lru_cache(maxsize=100_000)
def log_once(path: str, reason: str) -> None:
    """Log that PyAV had to read a file."""
    log.warning(f"{path}: read by PyAV, since decord failed: {reason}")


def check_file(path: str) -> None:
    """VideoError unless ``path`` is a folder, or a file with something in it that may be read."""
    if not Path(path).exists():
        raise VideoError(path, "no such file; correct the path, or the root that it is relative to")
    if Path(path).is_dir():
        return
    if not Path(path).is_file():  # opening a named pipe waits for a writer
        raise VideoError(path, "neither a file nor a folder, but a pipe, socket or device")
    if not os.access(path, os.R_OK):
        raise VideoError(path, "a file that must not be read; ask for the permission, or copy it")
    if Path(path).stat().st_size == 0:
        raise VideoError(path, "an empty file (0 bytes); copy or download it again")


def check_indices(path: str, indices: Indices, num_frames: int) -> None:
    """Refuse what decord would take: it truncates 1.7 and wraps -1."""
    if not np.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"{path}: expected frame numbers that are integers, got {indices.dtype}")
    if indices.ndim != 1 or len(indices) == 0 or indices.min() < 0 or indices.max() >= num_frames:
        raise IndexError(f"{path}: expected frame numbers in [0, {num_frames}), got {indices.tolist()}")


def reader_of(files: VideoFiles) -> Reader:
    """The two functions that the rest of the library takes."""
    return Reader(files.probe, files.read_frames)


READER = reader_of(VideoFiles())


probe, read_frames = READER
