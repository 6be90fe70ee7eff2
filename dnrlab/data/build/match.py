"""Match annotated videos with the video files that exist."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dnrlab.data.build.annotations.items import Annotations
from dnrlab.data.build.video_tree import choose
from dnrlab.data.cards import Card


class BuildResult(NamedTuple):
    """The annotated videos as manifest rows, and those that have no row."""

    rows: pd.DataFrame  # path, label; also split, source and fold if known
    missing: pd.DataFrame  # annotated videos without a file: name, label, split, reason
    left_out: dict[str, int]  # number of videos that are left out on purpose, by reason
    warnings: list[str]  # one sentence each
    classes: tuple[str, ...] = ()  # in the official order; empty if the files fix none


def relative_to(root: Path, folder: Path) -> str:
    """The prefix that makes paths within ``root`` relative to ``folder``: empty, or for example ``../a/``."""
    between = Path(os.path.relpath(root, folder)).as_posix()
    return "" if between == "." else f"{between}/"


def match(asked: Annotations, candidates: dict[str, list[str]], prefix: str) -> BuildResult:
    """Find a file for each annotated video. Videos without a file are listed as missing.

    Args:
        asked: the annotated videos.
        candidates: for each key, the paths of the videos that have it.
        prefix: comes before each path in the manifest.
    """
    rows, missing, several, taken = [], [], [], dict[str, str]()
    for item in asked.items:
        found = candidates.get(item.key, [])
        path = choose(found, item) if found else ""
        if path and path not in taken:
            taken[path] = item.label
            rows.append((prefix + path, item.label, item.split, item.source))
            several += [item.key] if len(found) > 1 else []
        else:
            reason = f"already annotated as {taken[path]}" if path else f"no video and no folder {item.key}"
            missing.append((item.key, item.label, item.split, reason))
    table = pd.DataFrame(rows, columns=["path", "label", "split", "source"])
    table = table.loc[:, [column in ("path", "label") or bool((table[column] != "").any()) for column in table]]
    table = table if asked.fold is None else table.assign(fold=asked.fold)
    warnings = [f"{len(several)} videos are in several folders, such as {several[0]}"] if several else []
    absent = pd.DataFrame(missing, columns=["name", "label", "split", "reason"])
    return BuildResult(table, absent, asked.left_out, warnings, asked.classes)


def differences(built: BuildResult, card: Card, fold: int | None) -> list[str]:
    """Warnings about counts that differ from the card, and about missing videos if the card has no counts."""
    expected, counts = card.expected(fold), summary(built)["counts"]
    splits = [split for split in expected if counts.get(split, 0) != expected[split]]
    warnings = [f"{split}: {counts.get(split, 0):,} videos, the card has {expected[split]:,}" for split in splits]
    classes = len(built.classes or built.rows["label"].unique())
    if card.classes is not None and classes != card.classes:
        warnings.append(f"{classes} classes, the card has {card.classes}")
    if not expected and len(built.missing) and (built.missing["label"] != "").any():
        warnings.append(f"{len(built.missing):,} annotated videos are missing")
    return warnings


def summary(built: BuildResult) -> dict[str, Any]:
    """Counts for the card: videos per split, missing, left out."""
    splits = built.rows["split"] if "split" in built.rows else pd.Series(dtype=str)
    counts = {str(split): int(count) for split, count in splits.value_counts().items()}
    return {"videos": len(built.rows), "counts": counts, "missing": len(built.missing), "left_out": built.left_out}
