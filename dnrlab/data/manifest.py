"""Manifests: CSV files of videos, with their labels and splits."""

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.csv_table import SECONDS, as_text, line_numbers, read_table, refuse
from dnrlab.data.splits import renamed, split_name

log = logging.getLogger("dnrlab")

FLIPS = ("none", "mirror", "label_aware")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A table of videos.

    Args:
        rows: one row per video, with ``path`` (absolute), ``label``, and every other column of the file.
        classes: label names in the order of the logits.
        flip: whether training clips may be mirrored, a property of the data set: ``none``, ``mirror``, or
            ``label_aware``, which also swaps left and right in the label.
        file: the file that it was read from.
    """

    rows: pd.DataFrame
    classes: tuple[str, ...]
    flip: str
    file: Path


def read_manifest(file: str | Path, root: str | Path | None = None) -> Manifest:
    """Read a manifest.

    Args:
        file: NAME.csv, with a header; columns ``path`` and ``label``, optionally ``split``, ``start_seconds``,
            ``end_seconds``, ``num_frames`` and any others. Synonyms of train, val and test are renamed.
            ``NAME.classes.txt`` in the same folder, or else ``classes.txt``, gives the class order. Without it the
            names are sorted. ``NAME.card.json``, or else ``card.json``, gives the flip rule; without it ``none``.
        root: folder that paths are relative to. None is the manifest's own folder. A leading ``~`` is the home folder,
            here and in the paths.

    Raises: FileNotFoundError if there is no such file; ValueError that names file and line if it is not a table of
        videos (see ``read_table``), a path occurs twice with the same time span, or a label is not in ``classes.txt``.
    """
    file = Path(file).expanduser().resolve()
    if not file.is_file():
        raise FileNotFoundError(
            f"expected a manifest at {file}, got no such file; give a CSV file with columns path, label, split"
        )
    rows = read_table(file)
    if "split" in rows:
        say_renamed(file, frozenset(rows["split"]))
        rows["split"] = [split_name(text) for text in rows["split"].tolist()]
    refuse_repeated(file, rows)
    base = str(file.parent if root is None else Path(root).expanduser().resolve())
    paths = [os.path.expanduser(path) if path[:1] == "~" else path for path in rows["path"].tolist()]  # noqa: PTH111
    rows["path"] = [os.path.join(base, path) for path in paths]  # noqa: PTH118 (five times as fast as pathlib)
    classes = read_classes(file, rows)
    listed = pd.Index(classes).get_indexer(rows["label"]) >= 0
    refuse(file, ~listed, rows, "expected a label of classes.txt, got another; add it there or correct it")
    return Manifest(rows=rows, classes=classes, flip=read_flip(file), file=file)


def open_manifest(name: str, root: str | Path | None = None) -> Manifest:
    """The manifest of a notebook. ``synthetic`` and ``synthetic_hard`` are small sets that are made on first use.

    They lie in ``runs``. Any other name is a path; see ``read_manifest``. An empty ``root`` means None.
    """
    from dnrlab.data.synthetic.make import SETS, named_set

    return read_manifest(named_set(name) if name in SETS else name, root or None)


@lru_cache(maxsize=1000)
def say_renamed(file: Path, names: frozenset[str]) -> None:
    """Log, once per file, which names of splits are read as another one."""
    if sentence := renamed(set(names)):
        log.info(f"{file.name}: split {sentence}")


def single_video(path: str | Path, classes: tuple[str, ...]) -> Manifest:
    """A manifest of one video, with an empty label."""
    path = Path(path).expanduser() if str(path).startswith("~") else path  # Path would join the slashes of a URL
    rows = pd.DataFrame({"path": [str(path)], "label": [""]})
    return Manifest(rows=rows, classes=classes, flip="none", file=Path(path))


def refuse_repeated(file: Path, rows: pd.DataFrame) -> None:
    """ValueError that names both lines if a path occurs twice with the same time span."""
    span = [name for name in ("path", *SECONDS) if name in rows]
    again = rows.duplicated(span).to_numpy()
    if again.any():
        second = int(again.argmax())
        key = rows[span].iloc[[second]]
        first = rows[span].reset_index().merge(key, on=span)["index"].iloc[0]  # merge takes nan as equal to nan
        (line,) = line_numbers(file, [int(first)])
        refuse(
            file, again, rows, f"expected each video once, got the video of line {line} again; remove one of the two"
        )


def beside(file: Path, name: str) -> Path:
    """The file that belongs to a manifest NAME.csv: ``NAME.name`` if it exists, else ``name`` in the same folder."""
    own = file.with_name(f"{file.stem}.{name}")
    return own if own.is_file() else file.with_name(name)


def read_classes(file: Path, rows: pd.DataFrame) -> tuple[str, ...]:
    """Names in the order of the manifest's ``classes.txt``, or sorted without it."""
    listed = beside(file, "classes.txt")
    if not listed.is_file():
        return tuple(sorted(rows["label"].unique()))
    names = [line.strip() for line in listed.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if len(set(names)) != len(names):
        raise ValueError(
            f"{listed}: expected every class once, got {len(names) - len(set(names))} repeated names; remove them"
        )
    return tuple(names)


def read_flip(file: Path) -> str:
    """The flip rule in the manifest's card; ``none`` without a card."""
    card = beside(file, "card.json")
    if not card.is_file():
        return "none"
    try:
        facts = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f'{card}: expected JSON such as {{"flip": "mirror"}}, got other text ({error}); correct the file'
        ) from error
    flip = facts.get("flip", "none") if isinstance(facts, dict) else facts
    if flip not in FLIPS:
        raise ValueError(f"{card}: expected flip to be one of {', '.join(FLIPS)}, got {flip!r}; correct the file")
    return str(flip)


def select(manifest: Manifest, split: str | None, classes: tuple[str, ...] | None = None) -> Manifest:
    """The rows of one split (None: all rows).

    ``classes``, such as the classes of a run, replace the classes of the manifest.

    Raises: ValueError if the split column or the split does not exist, or a label is not in ``classes``.
    """
    rows = manifest.rows
    if split is not None:
        known = sorted(rows["split"].unique()) if "split" in rows else []
        split = split if split in known else split_name(split)
        if split not in known:
            named = ", ".join(name for name in known if name) or "no splits"
            raise ValueError(f"{manifest.file}: expected rows of split {split!r}, got {named}; fill its column split")
        rows = rows[rows["split"] == split].reset_index(drop=True)
    classes = classes or manifest.classes
    unknown = sorted(set(rows["label"]) - set(classes))
    if unknown:
        raise ValueError(
            f"{manifest.file}: expected labels among the classes {list(classes)}, got {unknown}; "
            "give a manifest with the classes of the run"
        )
    return replace(manifest, rows=rows, classes=classes)


def split_by(manifest: Manifest, column: str, test_fold: str = "", val_fold: str = "") -> Manifest:
    """The manifest with its splits taken from another column. An empty ``column`` changes nothing.

    Without ``test_fold`` the cells of ``column`` are the splits. With it they are folds: the rows of that fold become
    ``test``, those of ``val_fold`` ``val``, and all others ``train``. Without ``val_fold`` there is no ``val``, so a
    training stores its newest weights. For rows in the folds 0, 1 and 2, ``split_by(manifest, "fold", "1")`` gives
    train, test and train.

    Raises: ValueError if there is no such column or fold (it lists the existing ones), a fold is given without a
        column, both folds are the same, ``val_fold`` stands alone, or a cell of the folds is empty.
    """
    if not column:
        if fold := test_fold or val_fold:
            raise ValueError(f"expected split_column with fold {fold}, got none; give split_column too")
        return manifest
    if val_fold and test_fold in ("", val_fold):
        raise ValueError(f"expected another test_fold with val_fold {val_fold}, got {test_fold!r}; give two folds")
    if column not in manifest.rows:
        others = [name for name in manifest.rows if name not in ("path", "label", *SECONDS)]
        raise ValueError(
            f"{manifest.file}: expected a column {column!r}, got columns {', '.join(others) or 'path, label'}; "
            "correct split_column"
        )
    cells = as_text(manifest.rows[column])
    if test_fold:
        cells = splits_of_folds(manifest, column, cells, {"test": test_fold, "val": val_fold})
    else:
        cells = cells.map(split_name)
    return replace(manifest, rows=manifest.rows.assign(split=cells))


def splits_of_folds(manifest: Manifest, column: str, cells: pd.Series, folds: Mapping[str, str]) -> pd.Series:
    """The split of each row: that of its fold in ``folds``, or train. ValueError if a fold or a cell is missing."""
    refuse(manifest.file, cells == "", manifest.rows, f"expected a fold in column {column}, got an empty cell; fill it")
    known = sorted(cells.unique())
    for split, fold in folds.items():
        if fold and fold not in known:
            raise ValueError(
                f"{manifest.file}: expected {split}_fold among the folds {known} of column {column}, got {fold!r}; "
                "choose one of them"
            )
    return cells.map({fold: split for split, fold in folds.items() if fold}).fillna("train")


def labels(manifest: Manifest) -> NDArray[np.int64]:
    """The class index of every row; -1 if the label is not a class."""
    return np.asarray(pd.Index(manifest.classes).get_indexer(manifest.rows["label"]), dtype=np.int64)


def rows_digest(videos: Manifest, columns: Sequence[str], *, start: int = 0) -> str:
    """A digest of the rows of a manifest, in their order. It covers the paths and the existing ones of ``columns``.

    Args:
        start: number of characters to leave out at the start of every path, so that the folder of all videos may move.

    Returns: 16 hexadecimal digits of SHA-256.
    """
    paths = [path[start:] for path in videos.rows["path"].tolist()]
    others = [videos.rows[name].map(str) for name in columns if name in videos.rows]
    text = "\n".join("\t".join(cells) for cells in zip(paths, *others, strict=True))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
