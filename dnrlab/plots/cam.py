"""Heat maps over frames, and measures of them."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dnrlab.plots.style import NETWORKS, bare, heat_colours, literal, network_colours, outside_legend, set_titles


class CamRow(NamedTuple):
    """A row of the heat-map figure."""

    name: str  # of the network
    predicted: str  # class
    score: float  # of that class, in [0, 1]
    heat: NDArray[np.float32]  # (T, H, W) in [0, 1]


def gradcam_figure(
    frames: NDArray[np.uint8],
    rows: Sequence[CamRow],
    *,
    finding: str,
    note: str,
    frame_indices: Sequence[int],
    label: str = "",
) -> Figure:
    """A first row of the frames (T, H, W, 3), then one row per network: its maps over the frames in grey.

    ``frame_indices`` count from 0, the titles from 1. With a ``label``, predictions are marked right or wrong. All
    maps have the scale at the right, over the whole clip. Maps and frames may differ in size.
    """
    num_frames, num_rows = len(frames), len(rows) + 1
    size = (1.25 * num_frames + 1.8, 1.25 * num_rows + 0.9)
    figure, grid = plt.subplots(num_rows, num_frames, figsize=size, layout="constrained", squeeze=False)
    extent = (0, frames.shape[2], frames.shape[1], 0)  # the same for frames and maps of any size
    grey = frames.mean(axis=3)  # (T, H, W); only the map has colours
    for row, axes_row in enumerate(grid):
        for column, axes in enumerate(axes_row):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if row == 0:
                axes.imshow(frames[column], extent=extent)
                axes.set_title(f"frame {frame_indices[column] + 1}", fontsize=8)
                continue
            axes.imshow(grey[column], cmap="gray", vmin=0, vmax=255, extent=extent)
            heat, colours = rows[row - 1].heat[column], heat_colours()
            image = axes.imshow(heat, cmap=colours, vmin=0, vmax=1, interpolation="bilinear", extent=extent)
        name = "input" if row == 0 else row_name(rows[row - 1], label)
        axes_row[0].set_ylabel(literal(name), rotation=0, ha="right", va="center", fontsize=9)
    if rows:
        bar = figure.colorbar(image, ax=grid[1:, :], shrink=0.8, aspect=25, pad=0.01)
        bar.set_label("evidence", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    set_titles(figure, finding, note)
    return figure


def row_name(row: CamRow, label: str) -> str:
    """Network, prediction and score, and whether it is right if the label is known."""
    mark = "" if not label else " ✓" if row.predicted == label else " ✗"
    return f"{row.name}\n“{row.predicted}” {row.score:.2f}{mark}"


PANELS = {
    "share": "heat on the object (share)",
    "pointing": "frames whose peak\nis on the object (share)",
    "steadiness": "overlap of maps of\nneighbouring frames",
}


def localisation_figure(table: pd.DataFrame, area: float, finding: str, note: str) -> Figure:
    """Means and intervals of share, pointing and steadiness: one point per network.

    ``table`` has columns network, measure, mean, low, high; ``area`` is the share that a uniform map has.
    """
    networks = list(table["network"].unique())
    colours = network_colours(networks)
    size = (9, 0.32 * len(networks) + 2.2)
    figure, grid = plt.subplots(1, len(PANELS), figsize=size, sharey=True, layout="constrained")
    for axes, (measure, title) in zip(grid, PANELS.items(), strict=True):
        rows = table[table["measure"] == measure].set_index("network").loc[networks]
        for index, (name, row) in enumerate(rows.iterrows()):
            bars = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
            axes.errorbar(row["mean"], index, xerr=bars, color=colours[name], fmt="o", markersize=5, capsize=3)
            axes.annotate(f"{row['mean']:.2f}", (row["mean"], index), (0, 6), textcoords="offset points",
                          ha="center", fontsize=7)  # fmt: skip
        if measure != "steadiness":
            axes.axvline(area, color="0.6", linestyle=":", linewidth=1)
        axes.set(ylim=(len(networks) - 0.4, -0.7), xlim=(0, 1.04), xlabel=title)
        bare(axes)
    grid[0].set_yticks(range(len(networks)), [literal(name) for name in networks])
    grid[0].annotate(
        "chance", (area, len(networks) - 0.45), (3, 2), textcoords="offset points", fontsize=7, color="0.5"
    )
    set_titles(figure, finding, note)
    return figure


def traits_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """Difference from the baseline in heat on the object, over thirds of the videos by trait: one line per network.

    ``table`` has columns network, trait, third, mean, low, high.
    """
    networks, traits = list(table["network"].unique()), list(table["trait"].unique())
    colours = dict(zip(networks, NETWORKS, strict=False))
    figure, grid = plt.subplots(1, len(traits), figsize=(9, 3.4), sharey=True, layout="constrained", squeeze=False)
    for axes, trait in zip(grid[0], traits, strict=True):
        own = table[table["trait"] == trait]
        thirds = list(own["third"].unique())
        for shift, name in zip(offsets(len(networks)), networks, strict=True):
            rows = own[own["network"] == name].set_index("third").loc[thirds]
            bars = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
            positions = np.arange(len(thirds)) + shift
            axes.errorbar(positions, rows["mean"], yerr=bars, color=colours[name], marker="o", markersize=4, capsize=2,
                          linewidth=1.2, label=literal(name))  # fmt: skip
        axes.set_xticks(range(len(thirds)), thirds, fontsize=7)
        axes.set_xlabel(f"{trait} of the object")
        axes.axhline(0, color="0.6", linestyle=":", linewidth=1)
        bare(axes)
    grid[0, 0].set_ylabel("share of heat on the object,\nminus the baseline's")
    outside_legend(grid[0, -1])
    set_titles(figure, finding, note)
    return figure


def forgetting_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """How similar maps stay as more parts get random weights: one line per network.

    ``table`` has columns network, forgotten, step, mean, low, high.
    """
    networks = list(table["network"].unique())
    colours = network_colours(networks)
    parts = list(table.sort_values("step")["forgotten"].unique())
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for name in networks:
        rows = table[table["network"] == name].sort_values("step")
        axes.plot(rows["step"], rows["mean"], color=colours[name], marker="o", markersize=4, label=literal(name))
        axes.fill_between(rows["step"], rows["low"], rows["high"], color=colours[name], alpha=0.15, lw=0)
    axes.axhline(0, color="0.6", linestyle=":", linewidth=1)
    axes.set_xticks(range(1, len(parts) + 1), parts, rotation=30, ha="right")
    axes.set(xlabel="last part with random weights", ylabel="rank correlation with\nthe trained network's map")
    axes.set_ylim(top=1.05)
    bare(axes)
    outside_legend(axes)
    set_titles(figure, finding, note)
    return figure


def faithfulness_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """Deletion and insertion curves: one line per network, dotted for random maps.

    ``table`` has columns network, curve (deletion, insertion, random_deletion, random_insertion), share, mean, low
    and high.
    """
    networks = list(table["network"].unique())
    colours = network_colours(networks)
    figure, grid = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for axes, kind in zip(grid, ("deletion", "insertion"), strict=True):
        for name in networks:
            for curve, style in ((kind, "-"), (f"random_{kind}", ":")):
                rows = table[(table["network"] == name) & (table["curve"] == curve)]
                label = literal(name) + (", random map" if curve != kind else "")
                axes.plot(rows["share"], rows["mean"], style, color=colours[name], linewidth=1.5, label=label)
                if curve == kind:
                    axes.fill_between(rows["share"], rows["low"], rows["high"], color=colours[name], alpha=0.15, lw=0)
        axes.set(xlabel=f"pixels {'deleted' if kind == 'deletion' else 'inserted'}, hottest first (share)")
        axes.set_title(kind, fontsize=10)
        bare(axes)
    grid[0].set(ylabel="score of the class,\ndivided by the whole clip's", ylim=(0, None), xlim=(0, 1))
    outside_legend(grid[1])
    set_titles(figure, finding, note)
    return figure


def offsets(number: int) -> Sequence[float]:
    """Small shifts, so that the error bars of ``number`` lines do not overlap."""
    return list(np.linspace(-0.04, 0.04, number) * (number - 1)) if number > 1 else [0.0]
