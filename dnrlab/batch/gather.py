"""The results of a batch as tables: one row per run, mean and interval over seeds and folds, and differences."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dnrlab.batch.index import Index
from dnrlab.batch.plan import states_of
from dnrlab.batch.run import REPEATED, RESULTS, Run
from dnrlab.batch.state import DONE, FAILED, WAITING
from dnrlab.experiments.repeat import over_runs
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.runs.folder import HISTORY, METRICS, file_of_split

SUMMARY, DIFFERENCES = "summary.csv", "differences.csv"
ACCURACIES = ("top1", "top5", "mean_class")


class Tables(NamedTuple):
    """The tables of a batch, see ``gather``."""

    results: pd.DataFrame
    summary: pd.DataFrame
    differences: pd.DataFrame


def gather(out: Path, index: Index) -> Tables:
    """Gather the results of all runs of a batch, and write ``results.csv``, ``summary.csv`` and ``differences.csv``.

    results: one row per run. run, state, the parameters that were given, the metrics of its evaluation, loss (of the
    last epoch, nats per clip), training_seconds, seconds (of all its notebooks), machine, versions, folder, error.

    summary: one row per setting and measure. What varies but seeds and folds, measure, mean, low, high, n, over.

    differences: one row per setting that differs from the first of its kind. What is compared, with and without it,
    over runs with the same seed, fold and other settings; mean, low, high, n, over.
    """
    results = pd.DataFrame([row_of(run) for run in index.runs.runs])
    varied = list(dict.fromkeys(name for run in index.runs.runs for name in run.varied))
    tables = Tables(results, summary_of(results, varied), differences_of(results, varied))
    for name, table in zip((RESULTS, SUMMARY, DIFFERENCES), tables, strict=True):
        with atomic_write(out / name) as unfinished:
            table.to_csv(unfinished, index=False)
    return tables


def row_of(run: Run) -> dict[str, Any]:
    """The row of a run in ``results.csv``."""
    states = states_of(run)
    given = {name: value for step in run.steps for name, value in step.parameters.items()}
    given = {**run.varied, **{name: value for name, value in given.items() if name not in ("run_dir", "out_dir")}}
    error = next((f"cell {each.cell}: {each.error}" for each in states if each.state == FAILED), "")
    machine: dict[str, Any] = next((dict(each.machine) for each in states if each.machine), {})
    return {
        "run": run.name,
        "state": state_of([each.state for each in states]),
        **{name: json.dumps(value) if isinstance(value, (list, dict)) else value for name, value in given.items()},
        **metrics_of(run),
        "seconds": sum(each.seconds for each in states),
        **machine,
        "folder": run.name,
        "error": error,
    }


def state_of(states: Sequence[str]) -> str:
    """The state of a run from those of its notebooks: done if all are, failed if one is."""
    if all(state == DONE for state in states):
        return DONE
    return next((state for state in states if state not in (DONE, WAITING)), WAITING)


def metrics_of(run: Run) -> dict[str, Any]:
    """The metrics of a run's evaluation, and of its training. Empty for a run that has neither."""
    found: dict[str, Any] = {}
    splits = [str(step.parameters.get("split", "test")) for step in run.steps if "run_dir" in step.parameters]
    for file in dict.fromkeys(file_of_split(run.folder, METRICS, split) for split in splits):
        if file.is_file():
            with explain_read_errors(file, "evaluate the run again"):
                values = json.loads(file.read_text(encoding="utf-8"))
            found |= {name: values[name] for name in (*ACCURACIES, "clip_top1", "videos", "skipped") if name in values}
    history = run.folder / HISTORY
    if history.is_file():
        with explain_read_errors(history, "train the run again"):
            table = pd.read_csv(history)
            found |= {"loss": float(table["loss"].iloc[-1]), "training_seconds": float(table["seconds"].sum())}
    return found


def summary_of(results: pd.DataFrame, varied: Sequence[str]) -> pd.DataFrame:
    """Mean and interval of each accuracy over the seeds and folds of each setting, see ``gather``."""
    by = [name for name in varied if name not in REPEATED]
    rows = []
    for key, own in groups(done(results), by):
        for measure in ACCURACIES:
            if measure in own and own[measure].notna().any():
                interval, over = over_runs(with_repeats(own), measure)
                rows.append({**key, "measure": measure, **interval._asdict(), "over": over})
    return pd.DataFrame(rows)


def differences_of(results: pd.DataFrame, varied: Sequence[str], measure: str = "top1") -> pd.DataFrame:
    """What each setting adds to the first of its kind, over pairs of runs that are equal otherwise, see ``gather``.

    Runs without and with DNR that reach 0.5 and 0.7 with seed 0, and 0.6 and 0.7 with seed 1, differ by 0.15.
    """
    known = done(results)
    rows = []
    for name in (name for name in varied if name not in REPEATED and measure in known):
        first, *others = dict.fromkeys(results[name])
        rest = [other for other in varied if other != name]
        by = [other for other in rest if other not in REPEATED]
        for other in others:
            without, including = (known.loc[known[name] == value, [*rest, measure]] for value in (first, other))
            pairs = without.merge(including, **({"on": rest} if rest else {"how": "cross"}))
            pairs[measure] = pairs[f"{measure}_y"] - pairs[f"{measure}_x"]
            for key, own in groups(pairs, by):
                interval, over = over_runs(with_repeats(own), measure)
                what = {"compared": name, "with": other, "without": first, **key, "measure": measure}
                rows.append({**what, **interval._asdict(), "over": over})
    return pd.DataFrame(rows)


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
