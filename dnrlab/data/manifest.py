"""Manifests: CSV files that say which videos there are, what they show, and to which split they belong."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dnrlab.data.decode import READER, Reader, VideoError, VideoInfo

FLIPS = ("none", "mirror", "label_aware")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A table of videos.

    Args:
        rows: one a video, with ``path`` (absolute) and ``label``, and every other column of the file.
        classes: label names in the order of the logits.
        flip: whether a training clip may be mirrored, a property of the data set: ``none``, ``mirror``, or
            ``label_aware``, where left and right then change places in the label.
        file: where it was read.
    """

    rows: pd.DataFrame
    classes: tuple[str, ...]
    flip: str
    file: Path


def read_manifest(file: str | Path, root: str | Path | None = None) -> Manifest:
    """Read a manifest.

    Args:
        file: CSV with a header; columns ``path`` and ``label``, optionally ``split``, ``start_seconds``,
            ``end_seconds``, ``num_frames`` and any others. ``classes.txt`` beside it fixes the class order, which is
            that of the sorted names otherwise. ``card.json`` beside it holds the flip rule, ``none`` otherwise.
        root: folder that paths are relative to; None is the manifest's own.

    Raises: FileNotFoundError if there is no such file; ValueError naming file and line if a column is missing, a path
    or label is empty, a path stands twice with the same time span, or a label is not in ``classes.txt``.
    """
    file = Path(file).resolve()
    if not file.is_file():
        raise FileNotFoundError(
            f"expected a manifest at {file}, found none; it is a CSV file with columns path, label, split"
        )
    try:
        text = {"path": str, "label": str, "split": str}
        rows = pd.read_csv(file, dtype=text, keep_default_na=False, na_values={}, index_col=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{file}: not a CSV file with a header ({error}); write a first line like path,label,split"
        ) from error
    missing = [name for name in ("path", "label") if name not in rows]
    if missing:
        found = ", ".join(rows.columns)
        raise ValueError(
            f"{file}, line 1: expected columns path and label, got {found}; separate columns by commas, "
            f"and name or add {', '.join(missing)}"
        )
    for name in ("path", "label", "split"):
        if name in rows:
            rows[name] = rows[name].str.strip()
    for name in ("path", "label"):
        refuse(file, rows[name] == "", rows, f"expected a {name}, got an empty cell")
    span = [name for name in ("path", "start_seconds", "end_seconds") if name in rows]
    for name in ("start_seconds", "end_seconds"):
        if name in rows:
            number = pd.to_numeric(rows[name], errors="coerce")
            wrong = number.isna() & (rows[name].astype(str) != "")
            found = ", ".join(map(str, rows[name][wrong].head(1)))
            refuse(file, wrong, rows, f"expected {name} to be a number or empty, got {found!r}")
    again = rows.duplicated(span)
    if again.any():
        first = (rows[span] == rows.loc[again.idxmax(), span]).all(axis=1).idxmax()
        refuse(file, again, rows, f"this video stands in line {first + 2} already; remove one of the two")
    base = file.parent if root is None else Path(root).resolve()
    rows = rows.assign(path=[str(base / path) for path in rows["path"]])
    classes = read_classes(file, rows)
    refuse(file, ~rows["label"].isin(classes), rows, "label not in classes.txt; add it there or correct it")
    return Manifest(rows=rows, classes=classes, flip=read_flip(file.parent / "card.json"), file=file)


def single_video(path: str | Path, classes: tuple[str, ...]) -> Manifest:
    """A manifest of one video, whose label is unknown: empty."""
    rows = pd.DataFrame({"path": [str(path)], "label": [""]})
    return Manifest(rows=rows, classes=classes, flip="none", file=Path(path))


def refuse(file: Path, bad: "pd.Series[bool]", rows: pd.DataFrame, what: str) -> None:
    """Raise ValueError naming file and line of the first bad row, and how many there are."""
    if bad.any():
        first = int(bad.to_numpy().argmax())
        shown = f"path {rows['path'].iloc[first]!r}, label {rows['label'].iloc[first]!r}"
        raise ValueError(f"{file}, line {first + 2}: {what} ({shown}); {int(bad.sum())} such rows")


def read_classes(file: Path, rows: pd.DataFrame) -> tuple[str, ...]:
    """Names in the order of ``classes.txt`` beside the manifest, else sorted."""
    listed = file.parent / "classes.txt"
    if not listed.is_file():
        return tuple(sorted(rows["label"].unique()))
    names = [line.strip() for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(set(names)) != len(names):
        raise ValueError(f"{listed}: expected every class once, got {len(names) - len(set(names))} repeated names")
    return tuple(names)


def read_flip(card: Path) -> str:
    """The flip rule of the data set's card; ``none`` without a card."""
    if not card.is_file():
        return "none"
    flip = json.loads(card.read_text(encoding="utf-8")).get("flip", "none")
    if flip not in FLIPS:
        raise ValueError(f"{card}: expected flip to be one of {', '.join(FLIPS)}, got {flip!r}")
    return str(flip)


def select(manifest: Manifest, split: str | None, classes: tuple[str, ...] | None = None) -> Manifest:
    """The rows of one split (None: all), with the classes of a run in place of the file's where given.

    Raises: ValueError if the split column or the split does not exist, or a label is unknown to ``classes``.
    """
    rows = manifest.rows
    if split is not None:
        known = sorted(rows["split"].unique()) if "split" in rows else []
        if split not in known:
            named = ", ".join(name for name in known if name) or "none"
            raise ValueError(f"{manifest.file}: expected rows of split {split!r}, found {named}; fill its column split")
        rows = rows[rows["split"] == split].reset_index(drop=True)
    classes = classes or manifest.classes
    unknown = sorted(set(rows["label"]) - set(classes))
    if unknown:
        raise ValueError(f"{manifest.file}: labels {unknown} are not among the classes of the run: {list(classes)}")
    return replace(manifest, rows=rows, classes=classes)


def labels(manifest: Manifest) -> list[int]:
    """The class index of every row."""
    index = {name: position for position, name in enumerate(manifest.classes)}
    return [index[label] for label in manifest.rows["label"]]


def mirrored_classes(classes: tuple[str, ...]) -> list[int]:
    """The class index that each class has in a mirror: the words left and right change places.

    A change counts only if its result is a class, too: "pulling it right out" stays. By the text, since the order of
    the labels differs between releases of Something-Something.
    """
    other = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    swapped = [re.sub(r"\b([Ll]eft|[Rr]ight)\b", lambda word: other[word[0]], name) for name in classes]
    return [classes.index(mirror) if mirror in classes else index for index, mirror in enumerate(swapped)]


def oddities(manifest: Manifest) -> list[str]:
    """What makes a manifest of little use though nothing in it is wrong: sentences, none if all is well."""
    if "split" not in manifest.rows:
        return ["no column split: fill one with train, val and test to train and to evaluate"]
    splits = manifest.rows["split"]
    odd = [f"no rows of split {name}" for name in ("train", "val", "test") if name not in set(splits)]
    others = sorted({name or "(empty)" for name in splits} - {"train", "val", "test"})
    odd += [f"other splits, which only an evaluation takes when it names them: {', '.join(others)}"] if others else []
    untrained = sorted(set(manifest.classes) - set(manifest.rows["label"][splits == "train"]))
    return odd + ([f"classes without training videos: {', '.join(untrained)}"] if untrained else [])


def check_manifest(
    manifest: Manifest, *, workers: int = 2, reader: Reader = READER
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decode every video to its end, in threads.

    Returns the good rows with ``num_frames`` and ``fps`` (frames a second), and the bad ones with a ``reason``.
    """

    def outcome(path: str) -> VideoInfo | str:
        try:
            info = reader.probe(path)
            for start in range(0, info.num_frames, 64):  # in parts, for the memory of long videos
                reader.read_frames(path, np.arange(start, min(start + 64, info.num_frames)))
        except VideoError as error:
            return error.reason
        return info

    with ThreadPoolExecutor(workers) as pool:
        outcomes = list(pool.map(outcome, manifest.rows["path"]))
    good = [isinstance(each, VideoInfo) for each in outcomes]
    infos = [each for each in outcomes if isinstance(each, VideoInfo)]
    readable = manifest.rows[good].assign(num_frames=[i.num_frames for i in infos], fps=[i.fps for i in infos])
    reasons = [each for each in outcomes if isinstance(each, str)]
    return readable, manifest.rows[[not each for each in good]].assign(reason=reasons)
