"""Means and 95 % intervals of a batch: of each setting, and of what each setting adds to the first of its kind.

Several runs of a setting have an interval over their seeds or folds. A single run has one over its videos.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.batch.run import REPEATED
from dnrlab.batch.state import DONE
from dnrlab.evaluation.intervals import Interval
from dnrlab.evaluation.paired import compare_results
from dnrlab.experiments.repeat import over_runs, over_videos
from dnrlab.text import count

ACCURACIES = ("top1", "top5", "mean_class")


def summary_of(results: pd.DataFrame, varied: Sequence[str], out: Path) -> pd.DataFrame:
    """Mean and interval of each accuracy of each setting.

    Args:
        results: one row per run, see ``gather``.
        varied: columns that differ between the runs.
        out: folder of the batch.

    Returns: one row per setting and accuracy: what varies but seeds and folds, measure, mean, low, high, n, over.
    """
    by = [name for name in varied if name not in REPEATED]
    rows = []
    for key, own in groups(done(results), by):
        for measure in ACCURACIES:
            if measure in own and own[measure].notna().any():
                interval, over = of_setting(own, measure, out)
                rows.append({**key, "measure": measure, **interval._asdict(), "over": over})
    return pd.DataFrame(rows)


def of_setting(runs: pd.DataFrame, measure: str, out: Path) -> tuple[Interval, str]:
    """The interval of the runs of one setting, and what it is over."""
    if len(runs) == 1 and measure in ("top1", "top5"):
        run = runs.iloc[0]
        try:
            return over_videos(out / run["folder"], run["split"])[measure]
        except (OSError, ValueError, KeyError):  # such as without predictions
            pass
    return over_runs(with_repeats(runs), measure)


def differences_of(results: pd.DataFrame, varied: Sequence[str], out: Path, measure: str = "top1") -> pd.DataFrame:
    """What each setting adds to the first of its kind, over pairs of runs that are equal otherwise.

    Runs without and with DNR that reach 0.5 and 0.7 with seed 0, and 0.6 and 0.7 with seed 1, differ by 0.15.

    Args: see ``summary_of``.

    Returns: compared (what varies), with and without (its values), the other settings, measure, mean, low, high, n,
        over; one row per pair of settings.
    """
    known = done(results)
    rows = []
    for name in (name for name in varied if name not in REPEATED and measure in known):
        first, *others = dict.fromkeys(results[name])
        rest = [other for other in varied if other != name]
        by = [other for other in rest if other not in REPEATED]
        columns = [column for column in (*rest, measure, "folder", "split") if column in known]
        for other in others:
            without, including = (known.loc[known[name] == value, columns] for value in (first, other))
            pairs = without.merge(including, **({"on": rest} if rest else {"how": "cross"}))
            for key, own in groups(pairs, by):
                interval, over = of_pairs(own, measure, out)
                what = {"compared": name, "with": other, "without": first, **key, "measure": measure}
                rows.append({**what, **interval._asdict(), "over": over})
    return pd.DataFrame(rows)


def of_pairs(pairs: pd.DataFrame, measure: str, out: Path) -> tuple[Interval, str]:
    """The interval of the difference within pairs of runs, and what it is over."""
    if len(pairs) == 1:
        pair = pairs.iloc[0]
        try:
            paired = compare_results(out / pair["folder_x"], out / pair["folder_y"], pair["split_x"])
        except (OSError, ValueError, KeyError):  # such as without predictions, or on other videos
            pass
        else:
            over = count(paired.difference.n, "video")
            return paired.difference, over + (f" of {count(paired.sources, 'source')}" if paired.sources else "")
    differences = pairs[f"{measure}_y"] - pairs[f"{measure}_x"]
    return over_runs(with_repeats(pairs.assign(**{measure: differences})), measure)


def done(results: pd.DataFrame) -> pd.DataFrame:
    """The rows of finished runs."""
    return results[results["state"] == DONE]


def groups(table: pd.DataFrame, by: Sequence[str]) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """The rows with equal values in some columns, in their order; all rows together without columns."""
    if not len(table):
        return []
    if not by:
        return [({}, table)]
    return [(dict(zip(by, key, strict=True)), own) for key, own in table.groupby(list(by), sort=False, dropna=False)]


def with_repeats(table: pd.DataFrame) -> pd.DataFrame:
    """The table with columns seed and fold, as ``over_runs`` takes it."""
    return table.assign(**{new: table.get(old, "") for old, new in REPEATED.items()})
