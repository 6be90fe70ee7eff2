"""One recipe trained and scored several times, with other seeds and on other folds: a mean, and how sure it is."""

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
from dnrlab.experiments.sweep import ONCE, SweepConfig, run_name, sweep
from dnrlab.files import atomic_write
from dnrlab.recipes.config import Recipe
from dnrlab.runs.folder import REPEATS, REPEATS_SUMMARY

SHARES = ("top1", "top5")  # accuracies that have an interval


class Repeats(NamedTuple):
    """Runs of one recipe, and what they are together."""

    runs: pd.DataFrame  # run (its folder's name), then the columns of a comparison; a row a run
    summary: pd.DataFrame  # measure, mean, low, high, n, over; a row a measure


def repeat(
    name: str,
    recipe: Recipe,
    manifest: Manifest,
    out_dir: str | Path,
    config: SweepConfig = ONCE,
    runtime: Runtime = ON_CPU,
) -> Repeats:
    """Train and score ``recipe`` once per seed and fold, and write ``spread.csv`` and ``spread_summary.csv``.

    The same call again resumes, and shows what is finished; see ``sweep``.
    """
    out_dir = Path(out_dir)
    table = sweep({name: recipe}, manifest, out_dir, config, runtime)
    names = [run_name(*key) for key in zip(table["name"], table["seed"], table["fold"], strict=True)]
    table.insert(0, "run", names)
    result = Repeats(table, summary_of(table, out_dir, config.split))
    for file, each in ((REPEATS, result.runs), (REPEATS_SUMMARY, result.summary)):
        with atomic_write(out_dir / file) as unfinished:
            each.to_csv(unfinished, index=False)
    return result


def summary_of(runs: pd.DataFrame, out_dir: Path, split: str) -> pd.DataFrame:
    """Mean, 95 % interval and n of the accuracies, and what they are over: runs, or for a single one its videos."""
    known = runs.dropna(subset="top1")
    if len(known) > 1:
        found = {measure: over_runs(known, measure) for measure in SHARES}
    else:
        found = over_videos(out_dir / known["run"].iloc[0], split)
    rows = [{"measure": name, **interval._asdict(), "over": over} for name, (interval, over) in found.items()]
    return pd.DataFrame(rows)


def over_runs(runs: pd.DataFrame, measure: str) -> tuple[Interval, str]:
    """The t interval over several runs: over the folds where there are several, each the mean of its seeds; else seeds.

    Seeds 0 and 1 on folds a (0.4 and 0.6) and b (0.7 and 0.7) give the folds' means 0.5 and 0.7: mean 0.6, n 2, and not
    4, as runs of one fold share their videos. The interval of seeds says what another training on the same videos would
    give; that of folds also what other videos would. Folds share most of their training videos, so that their interval
    is somewhat narrow (Bengio and Grandvalet, JMLR 2004).

    Args:
        runs: columns seed, fold and the measure; a row a run.
    """
    values = runs.dropna(subset=measure)
    folds, seeds = values["fold"].nunique(), values["seed"].nunique()
    if folds < 2:
        return run_interval(values[measure]), counted(seeds, "seed")
    shared = f", each the mean of its {counted(seeds, 'seed')}" if seeds > 1 else ""
    return run_interval(values.groupby("fold")[measure].mean()), counted(folds, "fold") + shared


def over_videos(run_dir: Path, split: str) -> dict[str, tuple[Interval, str]]:
    """The bootstrap intervals of one run over its videos, of whole sources where the manifest names them."""
    results = read_results(run_dir, split)
    if results is None:
        raise FileNotFoundError(f"expected results of split {split!r} in {run_dir}, found none; evaluate it first")
    table, classes = results[1], list(results[1].columns[list(results[1].columns).index("predicted") + 1 :])
    truth = np.array([classes.index(label) for label in table["label"]])
    place = true_class_rank(table[classes].to_numpy(dtype=float), truth)
    sources = sources_of(table) if "source" in table.columns[: -len(classes)] else None
    over = counted(len(table), "video") + (f" of {counted(sources.nunique(), 'source')}" if sources is not None else "")
    hits = {"top1": place == 0, "top5": place < 5}
    return {measure: (mean_interval(right, sources), over) for measure, right in hits.items()}


def counted(number: int, noun: str) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{number} {noun}" + "s" * (number != 1)
