"""The rows of a manifest in flat arrays, which the worker processes of a dataset share.

A worker that reads a Python object changes its reference count, and so copies the memory page. One buffer of text and
one of numbers are only read. So the paths of 240,000 videos are in memory once for eight workers, not nine times.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.manifest import Manifest, labels


class PackedText:
    """Strings stored end to end in one buffer and read by index: PackedText(["ab", "", "c"])[2] is "c"."""

    def __init__(self, texts: Iterable[str]) -> None:
        parts = [text.encode("utf-8", "surrogateescape") for text in texts]
        self.buffer = b"".join(parts)
        self.ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)  # (count + 1,), the first is 0

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"expected an index in [0, {len(self)}), got {index}; len() gives the number of rows")
        start, end = self.ends[index : index + 2]
        return self.buffer[start:end].decode("utf-8", "surrogateescape")

    def __len__(self) -> int:
        return len(self.ends) - 1


class Row(NamedTuple):
    """A file, its class index, and its time span. nan stands for the file's start or its end."""

    path: str
    label: int
    start_seconds: float
    end_seconds: float


class PackedRows:
    """All rows of a manifest. Each item is a ``Row``."""

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
    """A column of times in seconds. nan where a cell is empty or the column is missing."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    return np.asarray(pd.to_numeric(rows[name], errors="coerce"), dtype=np.float64)
