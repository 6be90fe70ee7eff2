"""The frames of a manifest row: all of a file, or those of its time span."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from dnrlab.data.decode.types import Reader, VideoError, VideoInfo
from dnrlab.data.manifest import Manifest
from dnrlab.data.packed_rows import Row, one_row


class Video(NamedTuple):
    """A manifest row, ready to be read: its file, its label, and the frames that belong to it."""

    path: str
    label: int
    first_frame: int
    num_frames: int


def locate(row: Row, reader: Reader) -> Video:
    """A row with its frames: all of the file, or those in [start_seconds, end_seconds).

    Raises: VideoError if the file cannot be read or the time span holds no frame.
    """
    first, last = span_frames(row, reader.probe(row.path))
    return Video(row.path, row.label, first, last - first)


def span_frames(row: Row, info: VideoInfo) -> tuple[int, int]:
    """The first frame of a row, and the one after its last.

    1 s to 1.5 s of a video of 24 frames, 12 a second, are frames 12 to 17: (12, 18).

    Raises: VideoError if there is no frame in between, or times are given for a video without a frame rate.
    """
    start, end = row.start_seconds, row.end_seconds
    if math.isnan(start) and math.isnan(end):
        return 0, info.num_frames
    if not info.fps > 0:
        raise VideoError(row.path, "it has no frame rate, which times need; leave start_seconds and end_seconds empty")
    first = 0 if math.isnan(start) else round(start * info.fps)
    last = info.num_frames if math.isnan(end) else min(round(end * info.fps), info.num_frames)
    if not 0 <= first < last:
        begin = "its start" if math.isnan(start) else f"{start} s"
        stop = "its end" if math.isnan(end) else f"{end} s"
        length = f"{info.num_frames} frames at {info.fps:.4g} a second"
        raise VideoError(row.path, f"no frame from {begin} to {stop}; the video has {length}")
    return first, last


def find_video(manifest: Manifest, row: int, label: int, reader: Reader) -> Video:
    """Row ``row`` with its frames; see ``locate``."""
    return locate(one_row(manifest, row)._replace(label=label), reader)


def read_span(video: Video, numbers: Tensor, reader: Reader) -> Tensor:
    """Frames (len(numbers), 3, H, W) uint8 of a video, by numbers that start at 0 in the video's own span."""
    frames = reader.read_frames(video.path, (numbers + video.first_frame).numpy())
    return torch.from_numpy(frames).permute(0, 3, 1, 2)
