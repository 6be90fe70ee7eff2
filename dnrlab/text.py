"""Phrases that findings and log lines share."""

import re
from collections.abc import Sequence

import pandas as pd

UNITS = (("year", 24 * 365), ("day", 24), ("hour", 1), ("minute", 1 / 60), ("second", 1 / 3600))  # hours


CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # colours of a terminal, and other controls


def printable(text: str) -> str:
    """A text without control characters but tabs and ends of lines: names from elsewhere may steer a terminal."""
    return CONTROL.sub("", text)


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def count(number: int, noun: str) -> str:
    """``1 epoch``, ``2 epochs``."""
    return f"{number} {noun}" + "s" * (number != 1)


def span(low: float, high: float) -> str:
    """``0.64 to 0.81``, or ``0.64`` if both round to the same number."""
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def beyond(row: "pd.Series[float]") -> str:
    """A mean with its interval: ``+0.052 [+0.024, +0.081]``, with ``(unclear)`` if the interval holds 0.

    Without bounds (NaN), the mean alone.
    """
    if pd.isna(row["low"]):
        return f"{row['mean']:+.3f}"
    clear = "" if row["low"] > 0 or row["high"] < 0 else " (unclear)"
    return f"{row['mean']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]{clear}"


def quick(part: int, of: int, nouns: str = "epochs") -> str:
    """A line before a finding, such as ``Quick setting (2 of 16 epochs):``. Empty if ``part`` is all of them."""
    return f"Quick setting ({part} of {of} {nouns}):\n" if part < of else ""


def duration(hours: float) -> str:
    """Hours in words: ``2.5 years``, ``12 days``, ``3.4 hours``, ``25 minutes``, ``12 seconds``.

    The unit is the largest one that gives an amount of at least 2. Amounts below 10 have one decimal.
    """
    for unit, length in UNITS:
        amount = hours / length
        if amount >= 2 or unit == "second":
            break
    return f"{amount:,.0f} {unit}s" if amount >= 10 else f"{amount:.1f} {unit}s"
