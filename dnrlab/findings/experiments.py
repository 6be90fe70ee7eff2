"""Sentences about experiments, which compare many trainings."""

import pandas as pd

from dnrlab.text import count, listed


def of_gains(table: pd.DataFrame) -> str:
    """How much the variants gain over batch norm, in points of top-1, here and in the paper.

    A variant with several seeds is better if the 95 % interval of its gain is above 0.

    ``table`` has columns name, label, gain, gain_low (of that interval) and paper_gain (shares; NaN if unknown). The
    baseline ``bn`` is not counted.
    """
    others = table[table["name"] != "bn"].dropna(subset="gain")
    if others.empty:
        return "There is no variant to compare with batch norm"
    better = int((others["gain_low"].fillna(others["gain"]) > 0).sum())
    finding = f"Better than batch norm: {better} of {count(len(others), 'variant')};\n{gain_range(others, 'gain')}"
    published = others.dropna(subset="paper_gain")
    return finding + (f"\n(in the paper {gain_range(published, 'paper_gain')})" if len(published) else "")


def gain_range(table: pd.DataFrame, name: str) -> str:
    """``gains of -1.2 to +3.4 points of top-1, most with “bi”``; for one variant ``a gain of +3.4 points of top-1``."""
    points = 100 * table[name]
    if len(points) == 1:
        return f"a gain of {points.iloc[0]:+.1f} points of top-1"
    most = table.loc[points.idxmax(), "label"]
    return f"gains of {points.min():+.1f} to {points.max():+.1f} points of top-1, most with “{most}”"


def of_batches(table: pd.DataFrame) -> str:
    """How DNR and batch norm change from the largest batch to the smallest, and which norm is best at the smallest.

    ``table`` has columns norm, label, batch_size and top1.
    """
    table = table.dropna(subset="top1")
    sizes = sorted(int(size) for size in table["batch_size"].unique())
    wide = table.pivot(index="batch_size", columns="label", values="top1")
    smallest, largest = wide.loc[sizes[0]], wide.loc[sizes[-1]]
    best = f"with batches of {sizes[0]}: {smallest.idxmax()} ({smallest.max():.2f})"
    shown = [label for label in ("DNR", "batch norm") if label in smallest.dropna() and label in largest.dropna()]
    if len(sizes) == 1 or not shown:
        return f"Best {best}"
    changes = [f"from {largest[label]:.2f} to {smallest[label]:.2f} for {label}" for label in shown]
    return f"From batches of {sizes[-1]} clips to batches of {sizes[0]}, top-1 changes\n{listed(changes)};\nbest {best}"


def seeds_note(seeds: int) -> str:
    """What the points of a figure are: ``mean and standard deviation of 3 seeds; small points are single seeds``."""
    if seeds == 1:
        return "one seed, so the order of close values may change"
    return f"mean and standard deviation of {seeds} seeds; small points are single seeds"


def of_relay(table: pd.DataFrame) -> str:
    """What the relay adds on each data set, alone and beside interlacing, in points; unclear if the interval holds 0.

    ``table`` is from ``dnrlab.experiments.variants.differences``, of one network.
    """
    lines = []
    for dataset, own in table.groupby("dataset", sort=False):
        relay = own[own["what"].str.startswith("relay, ")]
        known = [f"{points(row)} {row['what'].removeprefix('relay, ')}" for _, row in relay.iterrows()]
        if known:
            lines.append(f"{dataset}: {listed(known)}")
    return "\n".join(["What the relay adds to top-1, in points", *lines])


def points(row: "pd.Series[float]") -> str:
    """``+12.3 (unclear)``: a difference in points. It is unclear if its interval holds 0, or if it has none."""
    unclear = "" if row["low"] > 0 or row["high"] < 0 else " (unclear)"
    return f"{100 * row['mean']:+.1f}{unclear}"
