"""The results of a batch as tables: one row per run, mean and interval over seeds and folds, and differences."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dnrlab.batch.index import Index
from dnrlab.batch.intervals import ACCURACIES, differences_of, summary_of
from dnrlab.batch.plan import states_of
from dnrlab.batch.run import FOLDERS, RESULTS, Run
from dnrlab.batch.runs import evaluates
from dnrlab.batch.state import DONE, FAILED, RUNNING, WAITING, State
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.recipes.typed import is_a
from dnrlab.runs.folder import HISTORY, METRICS, file_of_split

SUMMARY, DIFFERENCES = "summary.csv", "differences.csv"
BEGUN = "begun"  # a run that is running, or was stopped


class Tables(NamedTuple):
    """The tables of a batch, see ``gather``."""

    results: pd.DataFrame
    summary: pd.DataFrame
    differences: pd.DataFrame


def gather(out: Path, index: Index) -> Tables:
    """Gather the results of all runs of a batch, and write ``results.csv``, ``summary.csv`` and ``differences.csv``.

    results: one row per run. run, state, the parameters that were given, the metrics of its evaluation, loss (of the
    last epoch, nats per clip), training_seconds, seconds (of all its notebooks), machine, versions, folder, error.

    summary: see ``summary_of``; differences: see ``differences_of``.
    """
    results = pd.DataFrame([row_of(run) for run in index.runs.runs])
    varied = list(dict.fromkeys(name for run in index.runs.runs for name in run.varied))
    tables = Tables(results, summary_of(results, varied, out), differences_of(results, varied, out))
    for name, table in zip((RESULTS, SUMMARY, DIFFERENCES), tables, strict=True):
        with atomic_write(out / name) as unfinished:
            table.to_csv(unfinished, index=False)
    return tables


def row_of(run: Run) -> dict[str, Any]:
    """The row of a run in ``results.csv``."""
    states = states_of(run)
    given = {name: value for step in run.steps for name, value in step.parameters.items()}
    given = {**{name: value for name, value in given.items() if name not in FOLDERS}, **run.varied}
    error = next((f"cell {each.cell}: {each.error}" for each in states if each.state == FAILED), "")
    machine: dict[str, Any] = next((dict(each.machine) for each in states if each.machine), {})
    return {
        "run": run.name,
        "state": state_of([each.state for each in states]),
        **{name: json.dumps(value) if isinstance(value, (list, dict)) else value for name, value in given.items()},
        **metrics_of(run, states),
        "seconds": sum(each.seconds for each in states),
        **machine,
        "folder": run.name,
        "error": error,
    }


def state_of(states: Sequence[str]) -> str:
    """The state of a run from those of its notebooks: done if all are, failed if one is, else waiting or begun."""
    if all(state == DONE for state in states):
        return DONE
    other = next((state for state in states if state not in (DONE, WAITING)), WAITING)
    return BEGUN if other == RUNNING else other


def metrics_of(run: Run, states: Sequence[State]) -> dict[str, Any]:
    """The metrics of a run's evaluation, and of its training, as far as they are done. Empty for other runs."""
    found: dict[str, Any] = {}
    done = [step for step, state in zip(run.steps, states, strict=True) if state.state == DONE]
    whole = len(done) == len(run.steps)
    evaluated = [step for step in done if "run_dir" in step.parameters and (whole or evaluates(step))]
    splits = [str(step.parameters.get("split", "test")) for step in evaluated]
    splits = sorted(splits, key=lambda split: split == "test")  # of several the test counts
    for file in dict.fromkeys(file_of_split(run.folder, METRICS, split) for split in splits):
        if file.is_file():
            with explain_read_errors(file, "evaluate the run again"):
                values = json.loads(file.read_text(encoding="utf-8"))
                if wrong := [name for name in ACCURACIES if not is_a(values.get(name), float | None)]:
                    raise ValueError(f"{wrong[0]} is no number")
            names = (*ACCURACIES, "clip_top1", "videos", "skipped", "split")
            found |= {name: values[name] for name in names if name in values}
    history = run.folder / HISTORY
    if history.is_file() and done:
        with explain_read_errors(history, "train the run again"):
            table = pd.read_csv(history)
            found |= {"loss": float(table["loss"].iloc[-1]), "training_seconds": float(table["seconds"].sum())}
    return found
