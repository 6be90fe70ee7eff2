"""What a training and a test take."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dnrlab.plots.style import MEASURED, PAPER, TRAIN, VALIDATION, bare, say

KINDS = {"training": "training clips a second", "testing": "test views a second"}
TIMES = {"computing_hours": (TRAIN, "o", 6), "reading_hours": (VALIDATION, "D", 6)}  # points above it: its words
RANGE = ("computing_hours_low", "computing_hours_high")
TICKS = {"1 second": 1 / 3600, "1 minute": 1 / 60, "1 hour": 1, "1 day": 24, "1 month": 730, "1 year": 8760}  # hours
TICKS |= {f"{number} years": number * 8760 for number in (10, 100, 1000)}


def scaling_figure(table: pd.DataFrame, speeds: pd.DataFrame, finding: str, note: str, *, shared: bool) -> Figure:
    """Speed over the number of processes: every round as a point, their median, and the ideal.

    Args:
        table: kind, processes, clips_per_second.
        speeds: the same, a row a round.
        shared: whether the processes share the cores of one machine; the speed of one is marked then, too.
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
            label="a round",
        )
        axes.set(xlabel="processes", ylabel=title, ylim=(0, None), xticks=own["processes"])
        axes.margins(x=0.15)
        bare(axes)
    panels[0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2, frameon=False, fontsize=8)
    say(figure, finding, note)
    return figure


def plan_figure(table: pd.DataFrame, finding: str, note: str, *, words: Callable[[float], str]) -> Figure:
    """Time of the training with its validations, and of the test: computing and reading, a row a number of devices.

    Args:
        table: devices, task, basis (``measured``, ``at best``), reading_hours, computing_hours with its _low and _high,
            which a line joins.
        words: hours as people say them.
    """
    times = table.assign(task=table["task"].replace("validation", "training"))
    rows = times.groupby(["task", "devices", "basis"], sort=False)[[*TIMES, *RANGE]].sum()
    rows = rows.sort_index(level="task", ascending=False, sort_remaining=False, kind="stable")
    figure, axes = plt.subplots(figsize=(8.8, 0.5 * len(rows) + 1.6), layout="constrained")
    for column, (colour, marker, height) in TIMES.items():
        style: dict[str, Any] = {"color": colour, "markersize": 7, "linestyle": "none"}
        axes.plot(rows[column], range(len(rows)), marker, label=column.removesuffix("_hours"), **style)
        for place, hours in enumerate(rows[column]):
            where: dict[str, Any] = {"xytext": (0, height), "textcoords": "offset points", "ha": "center"}
            axes.annotate(words(hours), (hours, place), fontsize=8, color=colour, **where)
    axes.set_yticks(range(len(rows)), [f"{task} on {count} ({basis})" for task, count, basis in rows.index])
    axes.set(xscale="log", ylim=(len(rows) - 0.4, -0.8))
    axes.hlines(range(len(rows)), *(rows[name] for name in RANGE), color=TRAIN, linewidth=1.5)
    axes.set_xticks([*TICKS.values()], [*TICKS], fontsize=8)
    axes.set_xticks([], minor=True)
    axes.set_xlim(rows.min(axis=None) / 3, rows.max(axis=None) * 3)
    axes.grid(axis="x", color="0.9")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
    bare(axes)
    say(figure, finding, note)
    return figure
