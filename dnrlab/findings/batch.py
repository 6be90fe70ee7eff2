"""What a batch found, in sentences that can be cited."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dnrlab.text import beyond, count, listed

MOST = 12  # differences in sentences; the table has all
OTHERS = ("measure", "mean", "low", "high", "n", "over", "compared", "with", "without")


def of_batch(results: pd.DataFrame, summary: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    """How many runs finished, the best of them, and what each setting adds.

    The tables are those of ``dnrlab.batch.gather``.
    """
    states = results["state"].value_counts()
    finished = f"{states.get('done', 0)} of {count(len(results), 'run')} finished"
    failed = [f"{number} {state}" for state, number in states.items() if state != "done"]
    sentences = [f"{finished}{', ' + listed(failed) if failed else ''}."]
    known = summary[summary["measure"] == "top1"] if len(summary) else summary
    if len(known) > 1:
        best = known.loc[known["mean"].idxmax()]
        name = setting(best) or "the only setting"
        sentences.append(f"Highest top-1: {number_of(best)} for {name} ({best['over']}).")
    for _, row in differences.head(MOST).iterrows():
        where = f", for {setting(row)}" if setting(row) else ""
        change = f"{row['compared']} {row['with']} instead of {row['without']}"
        gain = "no difference" if row["low"] == row["high"] == 0 else beyond(row)
        sentences.append(f"Top-1 with {change}{where}: {gain} ({row['over']}).")
    if len(differences) > MOST:
        sentences.append(f"{len(differences) - MOST} more differences are in the table below.")
    if any("video" in str(over) for table in (summary, differences) if len(table) for over in table["over"]):
        sentences.append("Intervals over videos hold for these trainings; other seeds may differ by more.")
    return sentences


def setting(row: "Mapping[str, Any] | pd.Series[Any]") -> str:
    """What a row of a table is about: ``dnr True, model tsm_resnet18``. A column with nan concerns other rows."""
    known = {name: value for name, value in row.items() if name not in OTHERS and value == value}  # nan != nan
    return ", ".join(f"{name} {value}" for name, value in known.items())


def number_of(row: "pd.Series[Any]") -> str:
    """A mean with its interval: ``0.93 [0.90, 0.95]``; without an interval the mean alone."""
    mean = f"{row['mean']:.3f}"
    return mean if pd.isna(row["low"]) else f"{mean} [{row['low']:.3f}, {row['high']:.3f}]"
