"""Sentences about experiments: many trainings that are compared."""

import pandas as pd

from dnrlab.text import count, listed


def of_gains(table: pd.DataFrame) -> str:
    """What the variants gain on batch norm, in points of top-1, and in the paper where it has them.

    ``table`` has columns name, label, gain and paper_gain, in shares; ``bn`` is the baseline, and is not counted.
    """
    others = table[table["name"] != "bn"].dropna(subset="gain")
    if others.empty:
        return "There is nothing to compare with batch norm"
    better = int((others["gain"] > 0).sum())
    finding = f"{better} of {count(len(others), 'variant')} above batch norm;\n{gain_range(others, 'gain')}"
    published = others.dropna(subset="paper_gain")
    return finding + (f"\n(in the paper {gain_range(published, 'paper_gain')})" if len(published) else "")


def gain_range(table: pd.DataFrame, name: str) -> str:
    """``gains of -1.2 to +3.4 points of top-1, most with “bi”``; of one variant ``a gain of +3.4 points of top-1``."""
    points = 100 * table[name]
    if len(points) == 1:
        return f"a gain of {points.iloc[0]:+.1f} points of top-1"
    most = table.loc[points.idxmax(), "label"]
    return f"gains of {points.min():+.1f} to {points.max():+.1f} points of top-1, most with “{most}”"


def of_batches(table: pd.DataFrame) -> str:
    """How DNR and batch norm take the step from the largest batch to the smallest, and which norm is best there.

    ``table`` has columns norm, label, batch_size and top1.
    """
    table = table.dropna(subset="top1")
    sizes = sorted(int(size) for size in table["batch_size"].unique())
    wide = table.pivot(index="batch_size", columns="label", values="top1")
    smallest, largest = wide.loc[sizes[0]], wide.loc[sizes[-1]]
    best = f"in batches of {sizes[0]}: {smallest.idxmax()} ({smallest.max():.2f})"
    shown = [label for label in ("DNR", "batch norm") if label in smallest.dropna() and label in largest.dropna()]
    if len(sizes) == 1 or not shown:
        return f"Best {best}"
    goes = [f"from {largest[label]:.2f} to {smallest[label]:.2f} for {label}" for label in shown]
    return f"From batches of {sizes[-1]} clips to {sizes[0]} top-1 goes\n{listed(goes)};\nbest {best}"


def seeds_note(seeds: int) -> str:
    """What a point of a figure is: ``mean and standard deviation of 3 seeds, and each as a small point``."""
    if seeds == 1:
        return "one seed, so that close values may change places"
    return f"mean and standard deviation of {seeds} seeds, and each as a small point"
