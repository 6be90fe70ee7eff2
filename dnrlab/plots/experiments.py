"""Comparisons of networks: their gains, and their accuracy with small batches."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dnrlab.plots.style import NORM_COLOURS, PAPER, TRAIN, bare, literal, set_titles


def gain_figure(summary: pd.DataFrame, seeds: pd.DataFrame, finding: str, note: str) -> Figure:
    """The gain of each network over the baseline, one row each; beside it the paper's if it has at least two.

    Args:
        summary: columns name, label, gain, gain_std, top1, paper_gain and paper_top1, all shares; one row per network.
        seeds: columns name and gain; one row per network and seed.
    """
    panels = 1 if summary["paper_gain"].count() < 2 else 2
    size = (4.2 * panels + 1.8, 0.45 * len(summary) + 2.2)
    figure, grid = plt.subplots(1, panels, figsize=size, sharey=True, layout="constrained", squeeze=False)
    rows = seeds["name"].map({name: row for row, name in enumerate(summary["name"])})
    if len(seeds) > len(summary):
        grid[0, 0].scatter(100 * seeds["gain"], rows + 0.2, s=10, color=TRAIN, alpha=0.4, linewidths=0)
    gain_panel(grid[0, 0], 100 * summary["gain"], 100 * summary["top1"], "measured", fmt="o", color=TRAIN)
    spread = 100 * summary["gain_std"]
    grid[0, 0].errorbar(100 * summary["gain"], range(len(summary)), xerr=spread, fmt="none", color=TRAIN, capsize=3)
    grid[0, 0].set_yticks(range(len(summary)), [literal(label) for label in summary["label"]])
    grid[0, 0].set_ylim(len(summary) - 0.4, -0.7)
    if panels > 1:
        gain_panel(grid[0, 1], 100 * summary["paper_gain"], 100 * summary["paper_top1"], "paper", fmt="D", color=PAPER)
        grid[0, 1].tick_params(left=False)
    set_titles(figure, finding, note)
    return figure


def gain_panel(axes: Axes, gains: pd.Series, top1: pd.Series, title: str, *, fmt: str, color: str) -> None:
    """One point per row at the gain, with the top-1 accuracy above it; both in percent, nan if unknown."""
    axes.plot(gains, range(len(gains)), fmt, color=color, markersize=5)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for row, (gain, accuracy) in enumerate(zip(gains, top1, strict=True)):
        if pd.notna(gain):
            text = f"{accuracy:.1f} %"
            axes.annotate(text, (gain, row), (0, 8), textcoords="offset points", ha="center", fontsize=7, bbox=box)
    axes.axvline(0, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    axes.set(xlabel="gain in top-1 over batch norm (points)", title=title)
    axes.title.set_fontsize(10)
    axes.margins(x=0.12)
    bare(axes)


def batch_figure(summary: pd.DataFrame, seeds: pd.DataFrame, finding: str, note: str, *, chance: float) -> Figure:
    """Top-1 accuracy over the batch size: one line per norm.

    Args:
        summary: columns norm, label, batch_size, top1 and top1_std; one row per norm and batch size.
        seeds: columns norm, batch_size and top1; one row per network and seed.
        chance: accuracy of random guesses, in [0, 1].
    """
    figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
    norms = list(summary["norm"].unique())
    for norm, own in summary.sort_values("batch_size").groupby("norm", sort=False):
        colour, marker = NORM_COLOURS[str(norm)]
        aside = 2 ** (0.05 * (norms.index(norm) - (len(norms) - 1) / 2))  # so that bars do not overlap
        each = seeds[(seeds["norm"] == norm) & (len(seeds) > len(summary))]
        axes.scatter(aside * each["batch_size"], each["top1"], s=14, color=colour, alpha=0.4, linewidths=0)
        axes.plot(aside * own["batch_size"], own["top1"], color=colour, marker=marker, label=own["label"].iloc[0])
        axes.errorbar(aside * own["batch_size"], own["top1"], yerr=own["top1_std"], fmt="none", color=colour, capsize=3)
    axes.axhline(chance, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
    axes.annotate("chance", (0.005, chance), xycoords=("axes fraction", "data"), xytext=(0, 3),
                  textcoords="offset points", fontsize=8, color="0.4")  # fmt: skip
    sizes = sorted(summary["batch_size"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set(xlabel="batch size (clips)", ylabel="top-1 accuracy", ylim=(0, 1.02))
    axes.margins(x=0.08)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    bare(axes)
    set_titles(figure, finding, note)
    return figure
