"""The frames of a manifest row: all frames of its file, or the frames in its time span."""

import functools
import logging
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dnrlab.data.decode.types import Reader, VideoError, VideoInfo
from dnrlab.data.manifest import Manifest
from dnrlab.data.packed_rows import Row, one_row

LOGGED = 10  # files with signs of damage that are logged

log = logging.getLogger("dnrlab")

MILLISECOND = 1e-3  # a frame may be shown so much before the time at which a span begins or ends


class Video(NamedTuple):
    """A manifest row, ready to be read: its file, its label, and the range of its frames in the file."""

    path: str
    label: int
    first_frame: int
    num_frames: int


def locate(row: Row, reader: Reader) -> Video:
    """Find the frames of a row: all frames of the file, or the frames in [start_seconds, end_seconds).

    Raises: VideoError if the file cannot be read or the time span holds no frame.
    """
    info = reader.probe(row.path)
    if info.note:
        log_damage(row.path, info.note)
    first, last = span_frames(row, info)
    return Video(row.path, row.label, first, last - first)


@functools.lru_cache(maxsize=LOGGED)
def log_damage(path: str, note: str) -> None:
    """Log signs that frames of a file are missing, once per file, and for the first files of a process only."""
    if log_damage.cache_info().currsize < LOGGED:
        log.warning(f"{path}: {note}; 'dnrlab manifest check' lists all such files")


def span_frames(row: Row, info: VideoInfo) -> tuple[int, int]:
    """The index of a row's first frame, and the index after its last: the frames that appear in [start, end).

    Times count from the first frame, to the millisecond. 1 s to 1.5 s of a video of 24 frames at 12 frames per second
    are frames 12 to 17: (12, 18).

    Raises: VideoError if the time span holds no frame, or if times are given for a video without times.
    """
    start, end = row.start_seconds, row.end_seconds
    if math.isnan(start) and math.isnan(end):
        return 0, info.num_frames
    times = info.seconds_of(np.arange(info.num_frames))
    if np.isnan(times).any():
        raise VideoError(
            row.path, "expected a video with a frame rate, got no frame rate; leave start_seconds and end_seconds empty"
        )
    first = 0 if math.isnan(start) else int(np.searchsorted(times, start - MILLISECOND))
    last = info.num_frames if math.isnan(end) else int(np.searchsorted(times, end - MILLISECOND))
    if not (0 <= first < last) or start < 0:
        begin = "its start" if math.isnan(start) else f"{start} s"
        stop = "its end" if math.isnan(end) else f"{end} s"
        length = f"{info.num_frames} frames at {info.fps:.4g} per second"
        raise VideoError(
            row.path, f"expected frames from {begin} to {stop}, got none (the video has {length}); correct the times"
        )
    return first, last


def find_video(manifest: Manifest, row: int, label: int, reader: Reader) -> Video:
    """Row ``row`` of a manifest with its frames, given its label index. See ``locate``."""
    return locate(one_row(manifest, row)._replace(label=label), reader)


def read_span(video: Video, indices: Tensor, reader: Reader) -> Tensor:
    """Frames (len(indices), 3, H, W) uint8 of a video. Index 0 is the first frame of the row's time span."""
    frames = reader.read_frames(video.path, (indices + video.first_frame).numpy())
    return torch.from_numpy(frames).permute(0, 3, 1, 2)
