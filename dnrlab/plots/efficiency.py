"""What DNR costs, beside what the paper says."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dnrlab.plots.style import MEASURED, NOISE, bare, say


def speed_kept(table: pd.DataFrame, finding: str, note: str, *, noise: float) -> Figure:
    """Speed with DNR over speed without: a row a network, measured with quartiles beside the paper's, and the control.

    ``table`` has network (with DNR, and ``control``), speed_kept, its quartiles _low and _high, and paper_speed_kept
    (NaN where the paper has none). A band shows what is within ``noise`` of 1.
    """
    control = table["network"] == "control"
    table = pd.concat([table[~control], table[control]], ignore_index=True)
    figure, axes = plt.subplots(figsize=(8.8, 0.6 * len(table) + 2), layout="constrained")
    axes.axvspan(1 - noise, 1 + noise, color="0.93", zorder=0)
    axes.axvline(1, color="0.6", linewidth=0.8, linestyle="--", zorder=1)
    spread(axes, table.iloc[:-1], MEASURED, "measured: median and quartiles of the rounds")
    if table["paper_speed_kept"].notna().any():
        style: dict[str, Any] = {"color": MEASURED, "markerfacecolor": "white", "markersize": 7, "linestyle": "none"}
        axes.plot(table["paper_speed_kept"], table.index, marker="D", label="the paper, on its GPU", **style)
        number(axes, table["paper_speed_kept"].dropna(), MEASURED, -15)
    spread(axes, table.iloc[-1:], NOISE, "control: a network beside its own copy")
    axes.set_yticks(table.index, table["network"].str.removesuffix(" + DNR"))
    axes.set(ylim=(len(table) - 0.5, -0.7), xlabel="speed kept: seconds without DNR / seconds with it")
    axes.margins(x=0.08)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=3, columnspacing=1.5, frameon=False, fontsize=8)
    bare(axes)
    say(figure, finding, note)
    return figure


def spread(axes: Axes, table: pd.DataFrame, colour: str, label: str) -> None:
    """A point with its quartiles and its number a row of the table, at the height of its index."""
    below, above = table["speed_kept"] - table["speed_kept_low"], table["speed_kept_high"] - table["speed_kept"]
    style: dict[str, Any] = {"fmt": "o", "color": colour, "capsize": 4, "markersize": 7}
    axes.errorbar(table["speed_kept"], table.index, xerr=[below, above], label=label, **style)
    number(axes, table["speed_kept"], colour, 7)


def number(axes: Axes, values: pd.Series, colour: str, height: int) -> None:
    """The values, so many points (1/72 inch) above their marks, or below them."""
    for row, value in values.items():
        place: dict[str, Any] = {"xytext": (0, height), "textcoords": "offset points", "ha": "center", "fontsize": 9}
        axes.annotate(f"{value:.2f}", (value, row), color=colour, **place)
