"""Table of the time that the runs took, from the tables of runs."""

from pathlib import Path

import pandas as pd

from dnrlab.experiments.tables import markdown
from dnrlab.experiments.variants import read_table

FOLDER = Path(__file__).parent
TABLES = ("choices", "main", "reasons", "choices_parts", "parts", "families", "batch_sizes")
ABOUT = (
    "Training and evaluation, one core for each run, two runs at a time. A training that was resumed counts from there."
)


def minutes(table: pd.DataFrame) -> list[str]:
    """Number of runs of each grid, and their minutes: summed, and of the shortest and the longest."""
    rows = []
    for grid, own in table.groupby("grid", sort=False):
        taken = own["seconds"] / 60
        rows.append([str(grid), str(len(own)), f"{taken.sum():.0f}", f"{taken.min():.1f} to {taken.max():.1f}"])
    return markdown(["grid", "runs", "minutes, summed", "minutes of a run"], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of the table."""
    found = [read_table(FOLDER / f"{name}.csv") for name in TABLES]
    return [("Time", ABOUT, minutes(pd.concat(found, ignore_index=True)))]
