"""Rows of a manifest as datasets hold them: in flat arrays, which worker processes share.

A worker that looks at a Python object writes its reference count, and so takes a copy of its page. Text and numbers in
one buffer each are only read: eight workers then hold the paths of 240,000 videos once, not nine times.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
