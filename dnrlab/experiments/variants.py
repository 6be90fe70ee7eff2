"""Batch norm, interlacing, the relay and both, compared: over runs, and over the videos of the test split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.evaluation.intervals import smallest_run_difference
from dnrlab.evaluation.paired import compare_videos, join_videos, sources_of
from dnrlab.experiments.repeat import over_runs
from dnrlab.files import explain_read_errors

PREDICTIONS = "predictions"  # folder beside a table of runs

VARIANTS = {("bn", False): "bn", ("bn", True): "interlaced", ("relay", False): "relay", ("relay", True): "both"}
NAMES = {"bn": "batch norm", "interlaced": "interlacing", "relay": "relay", "both": "both (DNR)"}
ADDED = {  # by baseline and other: what each part adds, alone and beside the other one
    ("bn", "both"): "both together",
    ("bn", "interlaced"): "interlacing, alone",
    ("relay", "both"): "interlacing, beside the relay",
    ("bn", "relay"): "relay, alone",
    ("interlaced", "both"): "relay, beside interlacing",
}
RELAY = {pair: words for pair, words in ADDED.items() if words.startswith("relay")}
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
        sources = sources_of(own) if "source" in own else own["path"]
        names = {name: run[name] for name in (*SETTING, *RUN, "grid", "run")}
        variant = VARIANTS.get((run["norm"], run["interlaced"]), "")
        right = (own["label"] == own["predicted"]).astype(float)
        found.append(own.assign(source=sources, **names, variant=variant, right=right))
    return pd.concat(found, ignore_index=True)


def with_cases(videos: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``case``: the run's name without seed or fold, such as ``bi_2`` of ``bi_2_seed0``."""
    return videos.assign(case=videos["run"].str.replace(r"_(seed|fold)\d+$", "", regex=True))


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
    videos: pd.DataFrame, pairs: Sequence[tuple[str, str]] = (*ADDED,), *, name: str = "variant"
) -> pd.DataFrame:
    """What one variant adds to another, over pairs of runs of the same fold and seed, and over their videos.

    Runs without a partner are left out: ``n`` counts the pairs, or the folds. Over runs, each seed or fold has the same
    weight. Over videos, each video has; so the two means differ where folds differ in size.

    Args:
        videos: from ``read_videos``.
        pairs: baseline and other, values of the column ``name``.

    Returns: dataset, network, pixels, width, baseline, other, what (in words, see ``ADDED``; empty for other pairs);
        mean, low, high, n, over (Student's t over the runs); smallest (that these runs can show, see
        ``smallest_run_difference``); videos_mean, videos_low, videos_high (bootstrap over the sources of the videos,
        for these trained networks) and videos_smallest (that these videos can show, see ``smallest_difference``).

    Raises: ValueError if the runs of a pair were not scored on the same videos, or a variant has two runs with one fold
        and seed.
    """
    rows: list[dict[str, Any]] = []
    for key, own in videos.groupby([*SETTING], sort=False):
        for baseline, other in pairs:
            found = of_pair(own[own[name] == baseline], own[own[name] == other], baseline, other)
            if found:
                names = dict(zip(SETTING, key, strict=True))
                what = ADDED.get((baseline, other), "")
                rows.append({**names, "baseline": baseline, "other": other, "what": what, **found})
    return pd.DataFrame(rows)


def of_pair(first: pd.DataFrame, second: pd.DataFrame, baseline: str, other: str) -> dict[str, Any]:
    """The difference of two variants, as a row of ``differences``; empty if they share no fold and seed."""
    check_one_run(first, baseline)
    check_one_run(second, other)
    firsts, seconds = (dict(iter(each.groupby(["seed", "fold"]))) for each in (first, second))
    shared = [key for key in firsts if key in seconds]
    if not shared:
        return {}
    where = {(seed, fold): f"seed {seed}" + (f" fold {fold}" if fold else "") for seed, fold in shared}
    paired = compare_videos(
        {
            key: join_videos(firsts[key], seconds[key], f"{baseline} {where[key]}", f"{other} {where[key]}")
            for key in shared
        }
    )
    interval, over = over_runs(paired.runs, "difference")
    repeat = "fold" if paired.runs["fold"].nunique() > 1 else "seed"
    return {
        **interval._asdict(),
        "over": over,
        "smallest": smallest_run_difference(paired.runs.groupby(repeat)["difference"].mean()),
        "videos_mean": paired.difference.mean,
        "videos_low": paired.difference.low,
        "videos_high": paired.difference.high,
        "videos_smallest": paired.smallest,
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
