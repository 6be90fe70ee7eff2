"""Rows of a manifest as datasets hold them: in flat arrays, which worker processes share.

A worker that looks at a Python object writes its reference count, and so takes a copy of its page. Text and numbers in
one buffer each are only read: eight workers then hold the paths of 240,000 videos once, not nine times.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.decode import Reader, VideoError, VideoInfo
from dnrlab.data.manifest import Manifest, labels


class PackedText:
    """Strings end to end in one buffer, read by index: PackedText(["ab", "", "c"])[2] is "c"."""

    def __init__(self, texts: Iterable[str]) -> None:
        parts = [text.encode("utf-8", "surrogateescape") for text in texts]
        self.buffer = b"".join(parts)
        self.ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)  # (count + 1,), from 0 on

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"expected an index in [0, {len(self)}), got {index}")
        start, end = self.ends[index : index + 2]
        return self.buffer[start:end].decode("utf-8", "surrogateescape")

    def __len__(self) -> int:
        return len(self.ends) - 1


class Row(NamedTuple):
    """A file, its class index, and the part of it that counts: nan is its beginning or its end."""

    path: str
    label: int
    start_seconds: float
    end_seconds: float


class PackedRows:
    """The rows of a manifest, as many as it has, each a ``Row``."""

    def __init__(self, manifest: Manifest) -> None:
        self.paths = PackedText(manifest.rows["path"].tolist())
        self.labels = labels(manifest)
        self.spans = np.stack([seconds(manifest.rows, name) for name in ("start_seconds", "end_seconds")])

    def __getitem__(self, row: int) -> Row:
        path = self.paths[row]
        start, end = self.spans[:, row].tolist()
        return Row(path, int(self.labels[row]), start, end)

    def __len__(self) -> int:
        return len(self.labels)


def one_row(manifest: Manifest, row: int) -> Row:
    """Row ``row`` of a manifest, without packing the others."""
    return PackedRows(replace(manifest, rows=manifest.rows.iloc[[row]]))[0]


def seconds(rows: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column of times, nan where a cell is empty or there is no such column."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    return np.asarray(pd.to_numeric(rows[name], errors="coerce"), dtype=np.float64)


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
