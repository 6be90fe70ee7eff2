"""Batch norm, interlacing, the relay and both, compared: over runs, and over the videos of the test split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.evaluation.intervals import paired_difference, smallest_difference
from dnrlab.evaluation.paired import VIDEO
from dnrlab.experiments.repeat import over_runs
from dnrlab.files import explain_read_errors

PREDICTIONS = "predictions"  # folder beside a table of runs

VARIANTS = {("bn", False): "bn", ("bn", True): "interlaced", ("relay", False): "relay", ("relay", True): "both"}
PAIRS = (  # baseline and other: what each part adds, alone and beside the other one
    ("bn", "both"),
    ("bn", "interlaced"),
    ("bn", "relay"),
    ("interlaced", "both"),
    ("relay", "both"),
)
RUN = ["fold", "seed"]
SETTING = ("dataset", "network", "pixels", "width")  # what must be equal to compare


def read_table(table: str | Path) -> pd.DataFrame:
    """The table of runs that ``dnrlab.batch.archive`` wrote. Folds are text."""
    with explain_read_errors(Path(table), "archive the batches again"):
        return pd.read_csv(table, dtype={"fold": str}).fillna({"fold": ""})


def read_videos(table: str | Path) -> pd.DataFrame:
    """The predictions of all runs of a table, one row per run and video.

    Args:
        table: the file that ``dnrlab.batch.archive`` wrote; the predictions are beside it.

    Returns: dataset, network, pixels, width, variant (empty for other norms), fold, seed, grid and run; path, times if
        known, source (the path if not known), label, predicted and right (0 or 1).
    """
    found = []
    for _, run in read_table(table).iterrows():
        file = Path(table).parent / PREDICTIONS / run["grid"] / f"{run['run']}.csv"
        own = pd.read_csv(file, dtype=str, keep_default_na=False)
        sources = own["source"].where(own["source"] != "", own["path"]) if "source" in own else own["path"]
        names = {name: run[name] for name in (*SETTING, *RUN, "grid", "run")}
        variant = VARIANTS.get((run["norm"], run["interlaced"]), "")
        right = (own["label"] == own["predicted"]).astype(float)
        found.append(own.assign(source=sources, **names, variant=variant, right=right))
    return pd.concat(found, ignore_index=True)


def means(videos: pd.DataFrame, name: str = "variant") -> pd.DataFrame:
    """Top-1 of each variant: mean over its seeds or folds, and 95 % interval.

    Args:
        videos: from ``read_videos``.
        name: column that names the variants.

    Returns: dataset, network, pixels, width, name, mean, low, high, n, over.

    Raises: ValueError if a variant has two runs with one fold and seed.
    """
    rows = []
    for key, own in videos.groupby([*SETTING, name], sort=False):
        check_one_run(own, f"{name} {key[-1]!r}")
        interval, over = over_runs(own.groupby(RUN, sort=False)["right"].mean().reset_index(), "right")
        rows.append({**dict(zip([*SETTING, name], key, strict=True)), **interval._asdict(), "over": over})
    return pd.DataFrame(rows)


def differences(
    videos: pd.DataFrame, pairs: Sequence[tuple[str, str]] = PAIRS, *, name: str = "variant"
) -> pd.DataFrame:
    """What one variant adds to another, over pairs of runs of the same fold and seed, and over their videos.

    Runs without a partner are left out: ``n`` counts the pairs, or the folds. Over runs, each seed or fold has the same
    weight. Over videos, each video has; so the two means differ where folds differ in size.

    Args:
        videos: from ``read_videos``.
        pairs: baseline and other, values of the column ``name``.

    Returns: dataset, network, pixels, width, baseline, other; mean, low, high, n, over (Student's t over the runs);
        videos_mean, videos_low, videos_high (bootstrap over the sources of the videos, for these trained networks) and
        smallest (difference that these videos can show, see ``smallest_difference``).

    Raises: ValueError if the runs of a pair were not scored on the same videos, or a variant has two runs with one fold
        and seed.
    """
    rows: list[dict[str, Any]] = []
    for key, own in videos.groupby([*SETTING], sort=False):
        for baseline, other in pairs:
            first, second = (own[own[name] == value] for value in (baseline, other))
            if not first[RUN].drop_duplicates().merge(second[RUN].drop_duplicates()).empty:
                names = {**dict(zip(SETTING, key, strict=True)), "baseline": baseline, "other": other}
                rows.append(names | of_pair(first, second, f"{baseline} and {other}"))
    return pd.DataFrame(rows)


def of_pair(first: pd.DataFrame, second: pd.DataFrame, what: str) -> dict[str, Any]:
    """The difference of two variants, as a row of ``differences``."""
    for each in (first, second):
        check_one_run(each, what)
    first, second = (each.merge(other[RUN].drop_duplicates()) for each, other in ((first, second), (second, first)))
    video = [name for name in VIDEO if name in first]
    both = first.merge(second, on=[*RUN, *video], suffixes=("", "_other"), how="outer", indicator="found")
    if not (both["found"] == "both").all():
        odd = both[both["found"] != "both"].iloc[0]
        raise ValueError(
            f"expected the same videos of {what}, got {odd['path']} (fold {odd['fold']!r}, seed {odd['seed']}) of one "
            "only; evaluate both on one manifest"
        )
    both = both.assign(difference=both["right_other"] - both["right"])
    interval, over = over_runs(both.groupby(RUN)["difference"].mean().reset_index(), "difference")
    by_video = both.groupby(video, sort=False)
    values, sources = by_video["difference"].mean(), by_video["source"].first()
    resampled = paired_difference(0 * values, values, sources)
    return {
        **interval._asdict(),
        "over": over,
        "videos_mean": resampled.mean,
        "videos_low": resampled.low,
        "videos_high": resampled.high,
        "smallest": smallest_difference(values, sources),
    }


def check_one_run(videos: pd.DataFrame, what: str) -> None:
    """ValueError if there are two runs with one fold and seed."""
    runs = videos[[*RUN, "grid", "run"]].drop_duplicates()
    twice = runs[runs.duplicated(RUN, keep=False)]
    if len(twice):
        names = " and ".join(twice["grid"].iloc[:2] + "/" + twice["run"].iloc[:2])
        raise ValueError(
            f"expected one run of {what} per fold and seed, got {names}; keep one, or compare them by name"
        )
