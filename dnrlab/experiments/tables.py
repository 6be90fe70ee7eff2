"""Tables of results as Markdown."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

INTERVAL = ("mean", "low", "high")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]


def interval(row: "pd.Series[Any]", names: tuple[str, str, str] = INTERVAL, *, sign: str = "") -> str:
    """``0.930 [0.900, 0.950]``; without an interval the mean alone.

    Args:
        row: a row with the columns in ``names``: mean, low and high.
        sign: ``+`` shows the sign of positive numbers, too.
    """
    mean, low, high = (f"{row[name]:{sign}.3f}" for name in names)
    return mean if pd.isna(row[names[1]]) else f"{mean} [{low}, {high}]"
