"""What training, testing and DNR cost, beside the paper's values."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dnrlab.plots.style import MEASURED, NOISE, PAPER, TRAIN, VALIDATION, bare, set_titles

KINDS = {"training": "training clips per second", "testing": "test views per second"}


TIMES = {"computing_hours": (TRAIN, "o", 6), "reading_hours": (VALIDATION, "D", 6)}  # colour, marker, text height


RANGE = ("computing_hours_low", "computing_hours_high")


TICKS = {"1 second": 1 / 3600, "1 minute": 1 / 60, "1 hour": 1, "1 day": 24, "1 month": 730, "1 year": 8760}  # hours


TICKS |= {f"{number} years": number * 8760 for number in (10, 100, 1000)}


def scaling_figure(table: pd.DataFrame, speeds: pd.DataFrame, finding: str, note: str, *, shared: bool) -> Figure:
    """Speed over the number of processes: one point per round, their median, and the ideal.

    Args:
        table: columns kind, processes, clips_per_second (the median).
        speeds: the same columns, one row per round.
        shared: whether the processes share the cores of one machine; the figure then marks the speed of one process.
    """
    figure, panels = plt.subplots(1, len(KINDS), figsize=(8.8, 3.8), layout="constrained")
    for axes, (kind, title) in zip(panels, KINDS.items(), strict=True):
        own, rounds = table[table["kind"] == kind], speeds[speeds["kind"] == kind]
        one = own["clips_per_second"].iloc[0]
        axes.plot(own["processes"], one * own["processes"], "--", color=PAPER, linewidth=1, label="ideal: N times one")
        if shared:
            axes.axhline(one, color=PAPER, linewidth=1, linestyle=":", label="as fast as one")
        axes.plot(own["processes"], own["clips_per_second"], "o-", color=MEASURED, label="measured: median")
        axes.plot(
            rounds["processes"],
            rounds["clips_per_second"],
            "o",
            color=MEASURED,
            alpha=0.3,
            markersize=4,
            label="one round",
        )
        axes.set(xlabel="processes", ylabel=title, ylim=(0, None), xticks=own["processes"])
        axes.margins(x=0.15)
        bare(axes)
    panels[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2, frameon=False, fontsize=8)
    set_titles(figure, finding, note)
    return figure


def budget_figure(table: pd.DataFrame, finding: str, note: str, *, words: Callable[[float], str]) -> Figure:
    """Hours of computing and of reading for training with validations, and for testing: one row per number of devices.

    Args:
        table: columns devices, task, basis (``measured``, ``at best``), reading_hours, computing_hours,
            computing_hours_low and computing_hours_high; a line joins these two.
        words: turns hours into a phrase.
    """
    times = table.assign(task=table["task"].replace("validation", "training"))
    rows = times.groupby(["task", "devices", "basis"], sort=False)[[*TIMES, *RANGE]].sum()
    rows = rows.sort_index(level="task", ascending=False, sort_remaining=False, kind="stable")
    figure, axes = plt.subplots(figsize=(8.8, 0.5 * len(rows) + 1.6), layout="constrained")
    for column, (colour, marker, height) in TIMES.items():
        style: dict[str, Any] = {"color": colour, "markersize": 7, "linestyle": "none"}
        axes.plot(rows[column], range(len(rows)), marker, label=column.removesuffix("_hours"), **style)
        for row, hours in enumerate(rows[column]):
            where: dict[str, Any] = {"xytext": (0, height), "textcoords": "offset points", "ha": "center"}
            axes.annotate(words(hours), (hours, row), fontsize=8, color=colour, **where)
    axes.set_yticks(range(len(rows)), [f"{task} on {count} ({basis})" for task, count, basis in rows.index])
    axes.set(xscale="log", ylim=(len(rows) - 0.4, -0.8))
    axes.hlines(range(len(rows)), *(rows[name] for name in RANGE), color=TRAIN, linewidth=1.5)
    axes.set_xticks([*TICKS.values()], [*TICKS], fontsize=8)
    axes.set_xticks([], minor=True)
    axes.set_xlim(rows.min(axis=None) / 3, rows.max(axis=None) * 3)
    axes.grid(axis="x", color="0.9")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
    bare(axes)
    set_titles(figure, finding, note)
    return figure


def speed_kept(table: pd.DataFrame, finding: str, note: str, *, noise: float) -> Figure:
    """Speed with DNR divided by speed without: one row per network, and the control.

    The measured median and quartiles stand beside the paper's value. A band shows what is within ``noise`` of 1.

    Args:
        table: columns network (the names with DNR, and ``control``), speed_kept, its quartiles speed_kept_low and
            speed_kept_high, and paper_speed_kept (NaN if the paper has no value).
    """
    control = table["network"] == "control"
    table = pd.concat([table[~control], table[control]], ignore_index=True)
    figure, axes = plt.subplots(figsize=(8.8, 0.6 * len(table) + 2), layout="constrained")
    axes.axvspan(1 - noise, 1 + noise, color="0.93", zorder=0)
    axes.axvline(1, color="0.6", linewidth=0.8, linestyle="--", zorder=1)
    error_bars(axes, table.iloc[:-1], MEASURED, "measured: median and quartiles of the rounds")
    if table["paper_speed_kept"].notna().any():
        style: dict[str, Any] = {"color": MEASURED, "markerfacecolor": "white", "markersize": 7, "linestyle": "none"}
        axes.plot(table["paper_speed_kept"], table.index, marker="D", label="the paper, on its GPU", **style)
        write_values(axes, table["paper_speed_kept"].dropna(), MEASURED, -15)
    error_bars(axes, table.iloc[-1:], NOISE, "control: a network beside its own copy")
    axes.set_yticks(table.index, table["network"].str.removesuffix(" + DNR"))
    axes.set(ylim=(len(table) - 0.5, -0.7), xlabel="speed kept: seconds without DNR / seconds with it")
    axes.margins(x=0.08)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncols=3, columnspacing=1.5, frameon=False, fontsize=8)
    bare(axes)
    set_titles(figure, finding, note)
    return figure


def error_bars(axes: Axes, table: pd.DataFrame, colour: str, label: str) -> None:
    """One point per row of the table, with its quartiles and its value; the index is the height."""
    below, above = table["speed_kept"] - table["speed_kept_low"], table["speed_kept_high"] - table["speed_kept"]
    style: dict[str, Any] = {"fmt": "o", "color": colour, "capsize": 4, "markersize": 7}
    axes.errorbar(table["speed_kept"], table.index, xerr=[below, above], label=label, **style)
    write_values(axes, table["speed_kept"], colour, 7)


def write_values(axes: Axes, values: pd.Series, colour: str, height: int) -> None:
    """The values as text, ``height`` points (1/72 inch) above their marks, or below if it is negative."""
    for row, value in values.items():
        where: dict[str, Any] = {"xytext": (0, height), "textcoords": "offset points", "ha": "center", "fontsize": 9}
        axes.annotate(f"{value:.2f}", (value, row), color=colour, **where)
