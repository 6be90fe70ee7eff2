"""Batch norm, interlacing, the relay and both, compared: over runs, and over the videos of the test split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.evaluation.intervals import Interval, paired_difference, smallest_difference
from dnrlab.experiments.archive import PREDICTIONS, read_table
from dnrlab.experiments.repeat import over_runs

VARIANTS = {("bn", False): "bn", ("bn", True): "interlaced", ("relay", False): "relay", ("relay", True): "both"}
PAIRS = (  # baseline and other: what each part adds, alone and beside the other one
    ("bn", "both"),
    ("bn", "interlaced"),
    ("bn", "relay"),
    ("interlaced", "both"),
    ("relay", "both"),
)


def read_videos(table: str | Path) -> pd.DataFrame:
    """One row per run and video: dataset, variant, fold, seed, path, source if known, label, predicted and right.

    Args:
        table: the file that ``archive`` wrote; the predictions are beside it.
    """
    found = []
    for _, run in read_table(table).iterrows():
        own = pd.read_csv(Path(table).parent / PREDICTIONS / run["grid"] / f"{run['run']}.csv", dtype=str)
        names = {name: run[name] for name in ("dataset", "network", "fold", "seed", "grid", "run")}
        right = (own["label"] == own["predicted"]).astype(float)
        found.append(own.assign(**names, variant=VARIANTS.get((run["norm"], run["interlaced"]), ""), right=right))
    return pd.concat(found, ignore_index=True)


def means(videos: pd.DataFrame, by: Sequence[str] = ("dataset", "network", "variant")) -> pd.DataFrame:
    """Top-1 of each group of runs: mean over its seeds or folds, and 95 % interval.

    Args:
        videos: from ``read_videos``.

    Returns: by, mean, low, high, n, over.
    """
    rows = []
    for key, own in videos.groupby(list(by), sort=False):
        runs = own.groupby(["fold", "seed"], sort=False)["right"].mean().rename("top1").reset_index()
        interval, over = over_runs(runs, "top1")
        rows.append({**dict(zip(by, key, strict=True)), **interval._asdict(), "over": over})
    return pd.DataFrame(rows)


def differences(
    videos: pd.DataFrame,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    *,
    name: str = "variant",
    by: Sequence[str] = ("dataset", "network"),
) -> pd.DataFrame:
    """What one variant adds to another, over pairs of runs of the same fold and seed, and of their videos.

    Runs without a partner are left out: ``n`` counts the pairs (or folds).

    Args:
        videos: from ``read_videos``.
        pairs: baseline and other, values of the column ``name``.

    Returns: by, baseline, other, mean, low, high, n, over (Student's t over the runs), videos_low, videos_high
        (bootstrap over the sources of the videos, for these trained networks), smallest (difference that these videos
        can show, see ``smallest_difference``).

    Raises: ValueError if the runs of a pair were not scored on the same videos.
    """
    rows: list[dict[str, Any]] = []
    for key, own in videos.groupby(list(by), sort=False):
        for baseline, other in pairs:
            first, second = (own[own[name] == value] for value in (baseline, other))
            if not first.merge(second, on=["fold", "seed"]).empty:
                names = {**dict(zip(by, key, strict=True)), "baseline": baseline, "other": other}
                rows.append(names | of_pair(first, second, f"{baseline} and {other}"))
    return pd.DataFrame(rows)


def of_pair(first: pd.DataFrame, second: pd.DataFrame, what: str) -> dict[str, Any]:
    """The difference of two variants, as a row of ``differences``."""
    run = ["fold", "seed"]
    first, second = (each.merge(other[run].drop_duplicates()) for each, other in ((first, second), (second, first)))
    both = first.merge(second, on=[*run, "path"], suffixes=("", "_other"), how="outer", indicator="found")
    if not (both["found"] == "both").all():
        odd = both[both["found"] != "both"].iloc[0]
        raise ValueError(
            f"expected the same videos of {what}, got {odd['path']} (fold {odd['fold']!r}, seed {odd['seed']}) of one "
            "only; evaluate both on one manifest"
        )
    both = both.assign(difference=both["right_other"] - both["right"])
    interval, over = over_runs(both.groupby(run)["difference"].mean().reset_index(), "difference")
    by_video = both.groupby("path", sort=False)
    values, sources = by_video["difference"].mean(), by_video["source"].first() if "source" in both else None
    resampled: Interval = paired_difference(values * 0, values, sources)
    return {
        **interval._asdict(),
        "over": over,
        "videos_low": resampled.low,
        "videos_high": resampled.high,
        "smallest": smallest_difference(values, sources),
    }
