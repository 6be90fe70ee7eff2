"""Annotated videos joined with the files that are there."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dnrlab.data.build.annotations.items import Annotations
from dnrlab.data.build.video_tree import choose
from dnrlab.data.cards import Card


class BuildResult(NamedTuple):
    """What became of the annotated videos."""

    rows: pd.DataFrame  # path, label, and where they are known split, source and fold
    missing: pd.DataFrame  # name, label, split, reason
    left_out: dict[str, int]  # how many, by reason
    warnings: list[str]
    classes: tuple[str, ...] = ()  # in the official order, where the files fix one


def relative_to(root: Path, folder: Path) -> str:
    """What comes before the paths within ``root`` so that they are relative to ``folder``: empty, or ``../a/``."""
    between = Path(os.path.relpath(root, folder)).as_posix()
    return "" if between == "." else f"{between}/"


def match(asked: Annotations, places: dict[str, list[str]], before: str) -> BuildResult:
    """Rows of the annotated videos that are there; the others are listed as missing."""
    rows, missing, several, taken = [], [], [], dict[str, str]()
    for item in asked.items:
        found = places.get(item.key, [])
        path = choose(found, item) if found else ""
        if path and path not in taken:
            taken[path] = item.label
            rows.append((before + path, item.label, item.split, item.source))
            several += [item.key] if len(found) > 1 else []
        else:
            reason = f"annotated before as {taken[path]}" if path else f"no video and no folder {item.key}"
            missing.append((item.key, item.label, item.split, reason))
    table = pd.DataFrame(rows, columns=["path", "label", "split", "source"])
    table = table.loc[:, [column in ("path", "label") or bool((table[column] != "").any()) for column in table]]
    table = table if asked.fold is None else table.assign(fold=asked.fold)
    warnings = [f"{len(several)} videos stand in several places, such as {several[0]}"] if several else []
    absent = pd.DataFrame(missing, columns=["name", "label", "split", "reason"])
    return BuildResult(table, absent, asked.left_out, warnings, asked.classes)


def differences(built: BuildResult, card: Card, fold: int | None) -> list[str]:
    """Sentences on counts that are not those of the card; where it has none, on annotated videos that are missing."""
    expected, counts = card.expected(fold), summary(built)["counts"]
    splits = [split for split in expected if counts.get(split, 0) != expected[split]]
    said = [f"{split}: {counts.get(split, 0):,} videos, the card has {expected[split]:,}" for split in splits]
    classes = len(built.classes or built.rows["label"].unique())
    if card.classes is not None and classes != card.classes:
        said.append(f"{classes} classes, the card has {card.classes}")
    if not expected and len(built.missing):
        said.append(f"{len(built.missing):,} annotated videos are missing")
    return said


def summary(built: BuildResult) -> dict[str, Any]:
    """Counts for the card: videos a split, missing and left out."""
    splits = built.rows["split"] if "split" in built.rows else pd.Series(dtype=str)
    counts = {str(split): int(count) for split, count in splits.value_counts().items()}
    return {"videos": len(built.rows), "counts": counts, "missing": len(built.missing), "left_out": built.left_out}
