"""One recipe trained and scored with several seeds and folds: the mean accuracy and its interval."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from dnrlab.data.manifest import Manifest
from dnrlab.device import ON_CPU, Runtime
from dnrlab.evaluation import read_results
from dnrlab.evaluation.intervals import Interval, mean_interval, run_interval
from dnrlab.evaluation.metrics import true_class_rank
from dnrlab.evaluation.paired import sources_of
from dnrlab.evaluation.video_scores import class_scores
from dnrlab.experiments.sweep import ONCE, SweepConfig, check_one_process, run_name, sweep
from dnrlab.files import atomic_write
from dnrlab.lock import locked
from dnrlab.recipes.config import Recipe
from dnrlab.runs.folder import REPEATS, REPEATS_SUMMARY
from dnrlab.text import count

ACCURACIES = ("top1", "top5")  # measures that get an interval; there is no top5 for five classes or fewer


class Repeats(NamedTuple):
    """The runs of one recipe, and their summary."""

    runs: pd.DataFrame  # run (name of its folder), then the columns of ``sweep``; one row per run
    summary: pd.DataFrame  # measure, mean, low, high, n, over; one row per measure


def repeat(
    name: str,
    recipe: Recipe,
    manifest: Manifest,
    out_dir: str | Path,
    config: SweepConfig = ONCE,
    runtime: Runtime = ON_CPU,
) -> Repeats:
    """Train and score ``recipe`` once per seed and fold, and write ``spread.csv`` and ``spread_summary.csv``.

    A second call resumes; see ``sweep``.
    """
    check_one_process()
    with locked(Path(out_dir), "spread"):
        return repeat_alone(name, recipe, manifest, Path(out_dir), config, runtime)


def repeat_alone(
    name: str, recipe: Recipe, manifest: Manifest, out_dir: Path, config: SweepConfig, runtime: Runtime
) -> Repeats:
    """The work of ``repeat``."""
    table = sweep({name: recipe}, manifest, out_dir, config, runtime)
    names = [run_name(*key) for key in zip(table["name"], table["seed"], table["fold"], strict=True)]
    table.insert(0, "run", names)
    result = Repeats(table, summary_of(table, out_dir, config.split))
    for file, frame in ((REPEATS, result.runs), (REPEATS_SUMMARY, result.summary)):
        with atomic_write(out_dir / file) as unfinished:
            frame.to_csv(unfinished, index=False)
    return result


def summary_of(runs: pd.DataFrame, out_dir: Path, split: str) -> pd.DataFrame:
    """Mean, 95 % interval and n of the accuracies. ``over`` names what they are over: the runs, or one run's videos."""
    known = runs.dropna(subset="top1")
    if len(known) > 1:
        intervals = {measure: over_runs(known, measure) for measure in ACCURACIES if known[measure].notna().any()}
    else:
        intervals = over_videos(out_dir / known["run"].iloc[0], split)
    rows = [{"measure": name, **interval._asdict(), "over": over} for name, (interval, over) in intervals.items()]
    return pd.DataFrame(rows)


def over_runs(runs: pd.DataFrame, measure: str) -> tuple[Interval, str]:
    """The t interval over several runs, and a description of what it is over.

    With several folds it is over the folds, and the value of a fold is the mean over its seeds. With one fold it is
    over the seeds. Example: seeds 0 and 1 give 0.4 and 0.6 on fold a, and 0.7 and 0.7 on fold b. The folds have the
    means 0.5 and 0.7, so the mean is 0.6 and n is 2. It is not 4, because runs of one fold share their videos.

    The interval over seeds covers other trainings on the same videos. The interval over folds also covers other videos.
    Folds share most of their training videos, so their interval is somewhat too narrow (Bengio and Grandvalet, JMLR
    2004).

    Args:
        runs: columns seed, fold and the measure; one row per run.
    """
    values = runs.dropna(subset=measure)
    folds, seeds = values["fold"].nunique(), values["seed"].nunique()
    if folds < 2:
        return run_interval(values[measure]), count(seeds, "seed")
    seeds = int(values.groupby("fold")["seed"].nunique().max())
    shared = f", each the mean of its {count(seeds, 'seed')}" if seeds > 1 else ""
    return run_interval(values.groupby("fold")[measure].mean()), count(folds, "fold") + shared


def over_videos(run_dir: Path, split: str) -> dict[str, tuple[Interval, str]]:
    """The bootstrap intervals of one run over its videos, or over sources if the manifest names them."""
    results = read_results(run_dir, split)
    if results is None:
        raise FileNotFoundError(
            f"expected results of split {split!r} in {run_dir}, got no such files; evaluate that run first"
        )
    table, scores = results[1], class_scores(results[1])
    truth = np.array([scores.columns.get_loc(label) for label in table["label"]])
    rank = true_class_rank(scores.to_numpy(), truth)
    sources = sources_of(table) if "source" in table else None
    over = count(len(table), "video") + (f" of {count(sources.nunique(), 'source')}" if sources is not None else "")
    hits = {"top1": rank == 0} | ({"top5": rank < 5} if scores.shape[1] > 5 else {})
    return {measure: (mean_interval(correct, sources), over) for measure, correct in hits.items()}
