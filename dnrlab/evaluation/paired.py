"""Two results on the same videos, compared by video."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dnrlab.evaluation.intervals import Interval, paired_difference, smallest_difference
from dnrlab.evaluation.results import read_results
from dnrlab.files import explain_read_errors
from dnrlab.runs.folder import REPEATS

VIDEO = ("path", "start_seconds", "end_seconds")  # columns that identify a video


class Paired(NamedTuple):
    """How much more often one network is correct than another."""

    baseline: float  # top-1, in [0, 1]
    other: float
    difference: Interval  # of top-1, other minus baseline, over the videos
    smallest: float  # difference that these videos can detect; see ``smallest_difference``
    sources: int  # number of sources, whose videos are drawn together; 0 if unknown: every video is its own
    runs: pd.DataFrame  # seed, fold and difference; one row per pair of runs


def compare_results(baseline: str | Path, other: str | Path, split: str = "test") -> Paired:
    """Compare two run folders, or two folders of ``dnrlab spread``. Runs of the same seed and fold form pairs.

    If several runs score a video, its value is the share of correct runs. So the interval is over videos, for these
    trained networks. ``runs`` shows how much the runs differ.

    Raises: FileNotFoundError if there are no results of the split; ValueError that shows the difference, if the two
        folders do not have the same runs, videos and labels.
    """
    firsts, seconds = runs_of(Path(baseline)), runs_of(Path(other))
    if set(firsts) != set(seconds):
        only = [f"{named(keys)} only in {who}" for who, keys in differing(firsts, seconds, baseline, other) if keys]
        raise ValueError(f"expected the same seeds and folds in both, got {' and '.join(only)}; train the missing runs")
    return compare_videos({key: paired_videos(firsts[key], seconds[key], split) for key in firsts})


def compare_videos(pairs: Mapping[tuple[str, str], pd.DataFrame]) -> Paired:
    """Compare pairs of runs by video.

    Args:
        pairs: tables of ``join_videos``, by seed and fold.
    """
    rows = [
        {"seed": seed, "fold": fold, "difference": (table["right_other"] - table["right"]).mean()}
        for (seed, fold), table in pairs.items()
    ]
    table = pd.concat(pairs.values())
    keys = [name for name in VIDEO if name in table]
    by_video = table.groupby(keys, sort=False, dropna=False)
    right, right_other = by_video["right"].mean(), by_video["right_other"].mean()
    sources = by_video["source"].first() if "source" in table else None
    return Paired(
        float(right.mean()),
        float(right_other.mean()),
        paired_difference(right, right_other, sources),
        smallest_difference(right_other - right, sources),
        0 if sources is None else sources.nunique(),
        pd.DataFrame(rows),
    )


def runs_of(folder: Path) -> dict[tuple[str, str], Path]:
    """The run folders in a folder of ``spread``, by seed and fold. A single run folder has empty seed and fold."""
    table = folder / REPEATS
    if not table.is_file():
        return {("", ""): folder}
    with explain_read_errors(table, "run dnrlab spread again: finished networks are only listed"):
        rows = pd.read_csv(table, dtype=str, keep_default_na=False)
        done = rows[rows["error"] == ""][["run", "seed", "fold"]]
    return {(row["seed"], row["fold"]): folder / row["run"] for row in done.to_dict("records")}


def differing(
    firsts: Mapping[tuple[str, str], Path],
    seconds: Mapping[tuple[str, str], Path],
    baseline: str | Path,
    other: str | Path,
) -> list[tuple[str | Path, list[tuple[str, str]]]]:
    """The runs that only one of the two folders has, for each folder."""
    return [(baseline, sorted(set(firsts) - set(seconds))), (other, sorted(set(seconds) - set(firsts)))]


def named(keys: list[tuple[str, str]]) -> str:
    """``seed 0 fold 1, seed 2``; ``a single run`` for a run folder."""
    names = [" ".join(filter(None, (seed and f"seed {seed}", fold and f"fold {fold}"))) for seed, fold in keys]
    return ", ".join(name or "a single run" for name in names)


def paired_videos(baseline: Path, other: Path, split: str) -> pd.DataFrame:
    """The results of two run folders on a split, as ``join_videos`` gives them."""
    return join_videos(videos_of(baseline, split), videos_of(other, split), baseline, other)


def join_videos(first: pd.DataFrame, second: pd.DataFrame, baseline: str | Path, other: str | Path) -> pd.DataFrame:
    """The results of two networks, video by video.

    Args:
        first: as from ``videos_of``; and of the other network.
        baseline: what errors call the first; and the other.

    Returns: columns that identify a video, source if known, right and right_other (0 or 1). One row per video.

    Raises: ValueError if a video is in one table only or twice, or has two labels.
    """
    keys = [name for name in VIDEO if name in first and name in second]
    for table, folder in ((first, baseline), (second, other)):
        if (twice := table.duplicated(keys)).any():
            raise ValueError(
                f"expected each video once in the results of {folder}, got {table['path'][twice].iloc[0]} again; "
                "remove the row from the manifest, and evaluate again"
            )
    both = first.merge(second, how="outer", on=keys, suffixes=("", "_other"), indicator="found")
    unpaired = [
        f"{len(rows)} only in {who} (the first: {rows['path'].iloc[0]})"
        for who, rows in ((baseline, both[both["found"] == "left_only"]), (other, both[both["found"] == "right_only"]))
        if len(rows)
    ]
    if unpaired:
        raise ValueError(
            f"expected results of the same videos, got {' and '.join(unpaired)}; evaluate both on one manifest"
        )
    renamed = both[both["label"] != both["label_other"]]
    if len(renamed):
        row = renamed.iloc[0]
        raise ValueError(
            f"expected the same labels in both, got {len(renamed)} that differ (the first: {row['path']} has "
            f"{row['label']!r} in {baseline} and {row['label_other']!r} in {other}); evaluate both on one manifest"
        )
    return both[[name for name in (*VIDEO, "source", "right", "right_other") if name in both]]


def videos_of(run_dir: Path, split: str) -> pd.DataFrame:
    """Columns that identify a video, label, source if known, and right (0 or 1), from the results of a split."""
    results = read_results(run_dir, split)
    if results is None:
        raise FileNotFoundError(
            f"expected results of split {split!r} in {run_dir}, got no such files; evaluate that run first"
        )
    videos = results[1]
    right = (videos["label"] == videos["predicted"]).astype(float)
    if "source" in videos:
        videos = videos.assign(source=sources_of(videos))
    return videos[[name for name in (*VIDEO, "label", "source") if name in videos]].assign(right=right)


def sources_of(videos: pd.DataFrame) -> pd.Series:
    """The column ``source``. A video with an empty source is its own source."""
    return videos["source"].where(videos["source"] != "", videos["path"])
