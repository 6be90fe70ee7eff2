"""Predictions for other orders of the frames."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dnrlab.plots.style import bare, literal, outside_legend, set_titles

MEASURES = {"right": ("its own class", "o", "#0072B2"), "turned": ("the reversed class", "s", "#D55E00")}


def reversal_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """The share of videos predicted as each class, with intervals: one panel per order, one row per network.

    ``table`` has columns network, order, measure (right, turned), mean, low, high.
    """
    networks, orders = list(table["network"].unique()), list(table["order"].unique())
    size = (2.4 * len(orders) + 3, 0.42 * len(networks) + 1.9)
    figure, grid = plt.subplots(1, len(orders), figsize=size, sharey=True, layout="constrained", squeeze=False)
    for axes, order in zip(grid[0], orders, strict=True):
        for measure, (name, marker, colour) in MEASURES.items():
            own = table[(table["order"] == order) & (table["measure"] == measure)].set_index("network").loc[networks]
            if own["mean"].isna().all():
                continue
            bars = [own["mean"] - own["low"], own["high"] - own["mean"]]
            axes.errorbar(own["mean"], range(len(networks)), xerr=bars, fmt=marker, color=colour, markersize=5,
                          capsize=2, mfc=colour if measure == "right" else "white", label=name)  # fmt: skip
        axes.set(title=order, xlim=(-0.04, 1.04), ylim=(len(networks) - 0.5, -0.5))
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
        bare(axes)
    grid[0, 0].set_yticks(range(len(networks)), [literal(name) for name in networks])
    grid[0, len(orders) // 2].set_xlabel("videos (share)")
    outside_legend(grid[0, -1])
    set_titles(figure, finding, note)
    return figure
