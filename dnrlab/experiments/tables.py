"""Tables of results as Markdown."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

INTERVAL = ("mean", "low", "high")


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]


def interval(row: "pd.Series[Any]", names: tuple[str, str, str] = INTERVAL, *, sign: str = "") -> str:
    """``0.930 [0.900, 0.950]``; the mean alone without an interval, and where all runs are equal.

    Args:
        row: a row with the columns in ``names``: mean, low and high.
        sign: ``+`` shows the sign of positive numbers, too.
    """
    mean, low, high = (f"{row[name]:{sign}.3f}" for name in names)
    return mean if pd.isna(row[names[1]]) or low == high else f"{mean} [{low}, {high}]"


def number(value: float, digits: int = 3) -> str:
    """``0.018``; empty for nan."""
    return "" if pd.isna(value) else f"{value:.{digits}f}"
