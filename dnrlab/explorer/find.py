"""The videos of a split as a table that is filtered and sorted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.csv_table import SECONDS
from dnrlab.data.manifest import Manifest
from dnrlab.evaluation.video_scores import SCORE, class_scores

ANY = ""
MOST_PARTS = 8  # of a path that are compared
SHOW = ("all", "wrong", "right", "runs disagree")
ORDER = ("manifest", "least sure", "most sure", "γ moves most")


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which videos, and in what order. The empty text means any."""

    run: str = ""  # whose predictions count
    show: str = "all"  # one of SHOW
    label: str = ANY
    predicted: str = ANY
    text: str = ""  # part of the path, in upper or lower case
    order: str = "manifest"  # one of ORDER


def video_table(manifest: Manifest, predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per video: row, path, label, and ``predicted:RUN`` and ``score:RUN`` for each run with predictions.

    ``predictions`` are tables of ``read_results``. A run without predictions of any of these videos has no columns. A
    video that a run has not scored has the prediction '' there.
    """
    rows = manifest.rows
    table = pd.DataFrame(
        {"row": range(len(rows)), "path": rows["path"].astype(str), "label": rows["label"].astype(str)}
    )
    for run, own in predictions.items():
        at = matched(rows, own)
        if (at >= 0).any():
            scores = class_scores(own).to_numpy().max(axis=1)
            table[f"predicted:{run}"] = np.where(at >= 0, own["predicted"].to_numpy()[at], "")
            table[f"{SCORE}{run}"] = np.where(at >= 0, scores[at], np.nan)
    return table


def matched(rows: pd.DataFrame, predictions: pd.DataFrame) -> NDArray[np.int64]:
    """For each row of a manifest its row in the predictions, -1 without one.

    Videos are the same if path and time span are. If no whole path is the same, since the videos were moved, the ends
    of the paths are compared: as few folders as tell all videos apart.
    """
    for parts in (0, *range(2, MOST_PARTS)):
        ours, theirs = (pd.Index(video_keys(each, parts)) for each in (rows, predictions))
        if ours.is_unique and theirs.is_unique and len(ours.intersection(theirs)):
            return np.asarray(theirs.get_indexer(ours))
    return np.full(len(rows), -1)


def video_keys(rows: pd.DataFrame, parts: int) -> list[tuple[str, float, float]]:
    """The last ``parts`` parts of each path (0: the whole path), and its time span in milliseconds, -1 without one."""
    spans = [
        pd.to_numeric(rows[name], errors="coerce").mul(1000).round().fillna(-1) if name in rows else [-1.0] * len(rows)
        for name in SECONDS
    ]
    return [("/".join(Path(path).parts[-parts:]), *span) for path, *span in zip(rows["path"], *spans, strict=True)]


def find(table: pd.DataFrame, query: Query) -> pd.DataFrame:
    """The rows of ``video_table`` that the query asks for, in its order. Column ``movement`` orders by γ, where known.

    Raises: ValueError if a word of the query is unknown, or needs predictions that are not there.
    """
    for name, value, known in (("show", query.show, SHOW), ("order", query.order, ORDER)):
        if value not in known:
            raise ValueError(f"expected {name} to be one of {known}, got {value!r}; choose one")
    predicted, score = f"predicted:{query.run}", f"{SCORE}{query.run}"
    needs = query.show in ("wrong", "right") or query.predicted != ANY or "sure" in query.order
    if needs and predicted not in table:
        raise ValueError(f"expected predictions of {query.run or 'a run'}, got none; evaluate the run first")
    chosen = table
    if query.show in ("wrong", "right"):
        known = chosen[chosen[predicted] != ""]
        chosen = known[(known[predicted] == known["label"]) == (query.show == "right")]
    if query.show == "runs disagree":
        names = [name for name in table if str(name).startswith("predicted:")]
        chosen = chosen[[len(set(own) - {""}) > 1 for own in chosen[names].to_numpy()]]
    if query.label != ANY:
        chosen = chosen[chosen["label"] == query.label]
    if query.predicted != ANY:
        chosen = chosen[chosen[predicted] == query.predicted]
    if query.text:
        chosen = chosen[chosen["path"].str.contains(query.text, case=False, regex=False)]
    if "sure" in query.order:
        return chosen.sort_values(score, ascending=query.order == "least sure", kind="stable")
    if query.order == "γ moves most" and "movement" in table:
        return chosen.sort_values("movement", ascending=False, kind="stable")
    return chosen


def line_of(video: pd.Series, runs: Sequence[str], width: int) -> str:
    """A video as one line of the list: row, label, what each run predicts, and the end of the path.

    ``width`` is that of the class names. A wrong prediction has a cross, a right one a check mark.
    """
    cells = [f"{video['row'] + 1:>5}  {video['label']:<{width}}"]
    for run in runs:
        guess = video.get(f"predicted:{run}", "")
        mark = " " if not guess else "✓" if guess == video["label"] else "✗"
        cells.append(f"{mark} {guess or '–':<{width}} {number(video.get(f'{SCORE}{run}'))}")
    return "  ".join([*cells, "/".join(Path(video["path"]).parts[-2:])])


def number(value: float | None) -> str:
    """A score with two digits; spaces where there is none."""
    return "    " if value is None or np.isnan(value) else f"{value:.2f}"


def confusions(table: pd.DataFrame, run: str, classes: Sequence[str]) -> pd.DataFrame:
    """Videos by label (rows) and predicted class (columns) of a run, for ``classes``."""
    known = table[table[f"predicted:{run}"] != ""]
    counts = pd.crosstab(known["label"], known[f"predicted:{run}"])
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def most_confused(table: pd.DataFrame, run: str, number: int) -> list[str]:
    """The ``number`` classes with the most wrong predictions from or to them, in the order of their names."""
    wrong = table[(table[f"predicted:{run}"] != "") & (table[f"predicted:{run}"] != table["label"])]
    counts = pd.concat([wrong["label"], wrong[f"predicted:{run}"]]).value_counts()
    names = sorted({*table["label"], *counts.index}, key=lambda name: (-counts.get(name, 0), name))
    return sorted(names[:number])
