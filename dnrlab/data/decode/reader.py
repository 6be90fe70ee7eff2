"""Reading frames of videos: one ``read_frames(path, indices)`` for decord, PyAV and folders of JPEG frames.

The frames of a file are counted once, for all decoders (``packets``). decord reads a file where it has proved, once,
that it finds the right frames (``seeking``). PyAV reads it where decord has no wheel, did not prove it, or fails.
data_manifests/DECODING.md lists the outcome for each container and codec, and for damaged and odd files.
"""

import functools
import itertools
import logging
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dnrlab.data.decode import proofs
from dnrlab.data.decode.decord_reader import have_decord, read_decord
from dnrlab.data.decode.flaws import Decoded, decode_to_end, flaws_of
from dnrlab.data.decode.frame_folder import examine_folder, read_folder
from dnrlab.data.decode.packets import Facts, examine_file
from dnrlab.data.decode.pyav_reader import read_pyav
from dnrlab.data.decode.seeking import read_by_time, read_timed, same_frames
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, Reader, VideoError, VideoInfo, first_line
from dnrlab.limits import is_of_the_machine

__all__ = ["DAMAGED", "DECODERS", "READER", "Frames", "Reader", "VideoError", "VideoInfo", "probe", "read_frames"]


DECODERS = ("auto", "decord", "pyav")

UNSUITED = "decord would return wrong frames, or none; set decoder to auto or pyav"

URL = re.compile(r"(^|/)[A-Za-z][A-Za-z0-9+.-]+:/")  # in a manifest, after the folder that paths are relative to

PART_BYTES = 2**24  # of decoded frames that are read at a time

MOST_BYTES = 2**33  # of decoded frames in one array

UNKNOWN_PIXELS = 2**21  # assumed for frames of unknown size; a frame of 1080p has about so many

log = logging.getLogger("dnrlab")


class Decoding(NamedTuple):
    """The functions that open files: in this process (``IN_PROCESS``), or in a separate one (``decoding_in_child``)."""

    examine: Callable[[str], Facts]
    decode: Callable[[str, str, Sequence[Indices]], Iterator[Frames]]  # decoder, path, parts of ascending frame indices
    inspect: Callable[[str, int], Decoded]  # path, number of frames


def examine(path: str) -> Facts:
    """Facts of a video file or a folder of JPEG frames. VideoError if it is neither."""
    with errors_of(path):
        return Facts(examine_folder(path)) if Path(path).is_dir() else examine_file(path)


def decode(decoder: str, path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part of distinct frame indices, which ascend over all parts.

    ``decoder`` is ``decord``, ``pyav`` (decodes from the start) or ``folder``. To prove seeking it is ``by time``
    (PyAV, which seeks) or ``decord, timed`` (which checks decord's times first).
    """
    read = {
        "decord": read_decord,
        "pyav": read_pyav,
        "folder": read_folder,
        "by time": read_by_time,
        "decord, timed": read_timed,
    }[decoder]
    with errors_of(path):
        yield from read(path, parts)


def inspect(path: str, num_frames: int) -> Decoded:
    """What decoding a whole video file by PyAV shows. ``num_frames`` says how long it may take."""
    with errors_of(path):
        return decode_to_end(path)


@contextmanager
def errors_of(path: str) -> Iterator[None]:
    """Whatever fails while a file is opened or decoded becomes a VideoError of this file.

    Damaged files make decoders raise errors of many types. One that was not foreseen must not end the work on all
    other files. A package that is missing is no fault of the file.
    """
    try:
        yield
    except (VideoError, ImportError):
        raise
    except Exception as error:
        if is_of_the_machine(error):
            raise
        reason = f"cannot be read ({type(error).__name__}: {first_line(error)}); {DAMAGED}"
        raise VideoError(path, reason) from error


IN_PROCESS = Decoding(examine, decode, inspect)


@dataclass(frozen=True)
class VideoFiles:
    """Probes and reads videos with one choice of decoder. A class, so that its methods can be pickled for a worker.

    Args:
        decoder: ``auto`` (decord, or PyAV where decord cannot read), ``decord`` alone, or ``pyav`` alone.
        decoding: the functions that open the files.
    """

    decoder: str = "auto"
    decoding: Decoding = IN_PROCESS

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise ValueError(f"expected decoder {', '.join(DECODERS)}, got {self.decoder!r}; choose one of these")

    def probe(self, path: str) -> VideoInfo:
        """The frames of a video, and their times. VideoError if it cannot be opened or has no frame."""
        return info_of(path, self.decoding)

    def read_frames(self, path: str, indices: Indices) -> Frames:
        """The frames at the given frame indices, in the given order. A repeated frame is decoded once.

        Args:
            path: a video file, or a folder of JPEG frames.
            indices: frame indices, (T,), each in [0, number of frames).

        Returns: (T, H, W, 3) uint8, RGB.

        Raises: VideoError if the file cannot be read, or the frames take more than ``MOST_BYTES``; IndexError if an
        index lies outside the video; TypeError if the indices are not integers.
        """
        info = info_of(path, self.decoding)
        check_indices(path, np.asarray(indices), info.num_frames)
        unique, inverse = np.unique(indices, return_inverse=True)
        return joined(path, self.parts_of(path, info, unique), len(unique))[inverse]

    def read_parts(self, path: str, indices: Indices) -> Iterator[Frames]:
        """The frames at ascending, distinct frame indices, in parts of at most ``PART_BYTES``. See ``Reader``."""
        info = info_of(path, self.decoding)
        check_indices(path, np.asarray(indices), info.num_frames)
        return self.parts_of(path, info, indices)

    def flaws(self, path: str) -> str:
        """What is wrong with the frames of a file, in words, after decoding all of them; empty if nothing is.

        PyAV decides, also on a file that decord reads: decord hides damage. Folders of frames show theirs when read.

        Raises: VideoError if PyAV cannot decode the file to its end.
        """
        info = self.probe(path)
        return "" if Path(path).is_dir() else flaws_of(self.decoding.inspect(path, info.num_frames), info.num_frames)

    def parts_of(self, path: str, info: VideoInfo, indices: Indices) -> Iterator[Frames]:
        """``read_parts`` of a video with these facts. ``self.decoder`` and the file decide which decoder reads."""
        parts = split(indices, math.prod(info.size))
        if Path(path).is_dir():
            return self.decoding.decode("folder", path, parts)
        seeks = self.decoder != "pyav" and finds_frames(path, self.decoding)
        if self.decoder == "decord" and not seeks:
            raise VideoError(path, UNSUITED)
        if self.decoder == "decord":
            return self.decoding.decode("decord", path, parts)
        return self.decord_or_pyav(path, parts) if seeks else self.decoding.decode("pyav", path, parts)

    def decord_or_pyav(self, path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
        """Parts read by decord, and by PyAV from the part on at which decord fails."""
        done = 0
        try:
            for frames in self.decoding.decode("decord", path, parts):
                yield frames
                done += 1
        except VideoError as error:
            for frames in self.decoding.decode("pyav", path, parts[done:]):
                log_once(path, error.reason)
                yield frames


def split(indices: Indices, pixels: int) -> list[Indices]:
    """Indices in parts whose frames take at most ``PART_BYTES``, or one frame. ``pixels`` of a frame; 0: unknown."""
    most = max(PART_BYTES // (3 * (pixels or UNKNOWN_PIXELS)), 1)
    return [indices[start : start + most] for start in range(0, len(indices), most)]


def joined(path: str, parts: Iterator[Frames], num_frames: int) -> Frames:
    """One array (T, H, W, 3) of all parts. VideoError if it would take more than ``MOST_BYTES``."""
    first = next(parts)
    if len(first) == num_frames:
        return first
    needed = num_frames * first[0].nbytes
    if needed > MOST_BYTES:
        size = f"{num_frames} frames of {first.shape[2]} x {first.shape[1]} pixels take {needed / 2**30:.1f} GiB"
        raise VideoError(path, f"{size}, more than {MOST_BYTES / 2**30:g} GiB; encode it with smaller frames")
    frames, done = np.empty((num_frames, *first.shape[1:]), np.uint8), 0
    for part in itertools.chain([first], parts):
        frames[done : done + len(part)] = part
        done += len(part)
    return frames


def info_of(path: str, decoding: Decoding) -> VideoInfo:
    """What ``probe`` returns, cached until the file changes. VideoError whatever is wrong with the path or the file."""
    identity = identity_of(path)
    info, places = remembered_facts(*identity, decoding)
    proved = proofs.known(*identity)
    return info._replace(seeks=Path(path).is_dir() or (bool(places) if proved is None else proved))


def finds_frames(path: str, decoding: Decoding) -> bool:
    """Whether decord has proved that it finds frames of a file by seeking. The first call for a file reads a few."""
    identity = identity_of(path)
    proved = proofs.known(*identity)
    if proved is None:
        proved = is_proved(path, remembered_facts(*identity, decoding).places, decoding)
        proofs.remember(*identity, proved)
    return proved


def identity_of(path: str) -> tuple[str, int, int]:
    """Path, size in bytes and time of the last change in ns, so that a changed file is opened again."""
    with errors_of(path):  # such as a name that is too long for the file system
        check_file(path)
        stat = Path(path).stat()
    return path, stat.st_size, stat.st_mtime_ns


@functools.lru_cache(maxsize=100_000)
def remembered_facts(path: str, size: int, changed: int, decoding: Decoding) -> Facts:
    """Facts of a file."""
    return decoding.examine(path)


def is_proved(path: str, places: tuple[int, ...], decoding: Decoding) -> bool:
    """Whether decord knows the times of all frames, and returns the right frames at these indices, read together."""
    if not places or not have_decord():
        return False
    try:
        (expected,) = map(np.array, decoding.decode("by time", path, [np.array(places)]))  # copied, see Reader
        (found,) = decoding.decode("decord, timed", path, [np.array(places)])
        return same_frames(found, expected)
    except VideoError:
        return False


def forget_facts() -> None:
    """Clear the caches of facts and proofs, so that every file is examined again, as in a new process."""
    remembered_facts.cache_clear()
    proofs.forget()


@functools.lru_cache(maxsize=100_000)
def log_once(path: str, reason: str) -> None:
    """Log that PyAV reads a file because decord failed, once per file and reason."""
    log.warning(f"{path}: decord failed, so PyAV reads it: {reason}")


def check_file(path: str) -> None:
    """VideoError unless ``path`` is a folder, or a file that may be read and is not empty."""
    if not Path(path).exists():
        if URL.search(path):
            raise VideoError(path, "a URL, not a local file; download the video and give the path of the file")
        raise VideoError(path, "no such file; correct the path, or the root that it is relative to")
    if Path(path).is_dir():
        return
    if not Path(path).is_file():  # opening a named pipe waits for a writer
        raise VideoError(path, "neither a file nor a folder, but a pipe, socket or device; name a video file")
    if not os.access(path, os.R_OK):
        raise VideoError(path, "no permission to read the file; change its permissions, or copy it")
    if Path(path).stat().st_size == 0:
        raise VideoError(path, "an empty file (0 bytes); copy or download it again")


def check_indices(path: str, indices: Indices, num_frames: int) -> None:
    """Raise an error for indices that decord would accept: it truncates 1.7 and wraps -1."""
    if not np.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"{path}: expected frame indices of an integer type, got {indices.dtype}; round them first")
    if indices.ndim != 1 or len(indices) == 0 or indices.min() < 0 or indices.max() >= num_frames:
        raise IndexError(
            f"{path}: expected frame indices in [0, {num_frames}), got {indices.tolist()}; probe(path) gives num_frames"
        )


def reader_of(files: VideoFiles) -> Reader:
    """The reading functions of ``files``, in the form that the rest of the library takes."""
    return Reader(files.probe, files.read_frames, files.read_parts, files.flaws)


READER = reader_of(VideoFiles())


probe, read_frames = READER.probe, READER.read_frames
