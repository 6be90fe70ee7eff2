"""Figures. They take data and return matplotlib Figures; they compute and read nothing.

Colours are those of Okabe and Ito (2008) or seaborn's ``colorblind``, which people who see few colours tell apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOURS = {"train": "#0072B2", "val": "#D55E00"}


class CamRow(NamedTuple):
    """A row of the heat-map figure."""

    name: str  # of the network
    predicted: str  # class
    score: float  # of that class, in [0, 1]
    heat: NDArray[np.float32]  # (T, H, W) in [0, 1]


def training_curves(history: pd.DataFrame, title: str) -> Figure:
    """Loss, accuracy and learning rate over the epochs of a history."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
    epochs = history["epoch"] + 1
    axes[0].plot(epochs, history["loss"], color=COLOURS["train"], marker=".")
    axes[0].set(ylabel="training loss (nats a clip)", ylim=(0, None))
    axes[1].plot(epochs, history["top1"], color=COLOURS["train"], marker=".", label="training clips, as augmented")
    validated = history["val_top1"].notna()
    if validated.any():
        val = history["val_top1"][validated]
        axes[1].plot(epochs[validated], val, color=COLOURS["val"], marker="o", label="validation")
    axes[1].set(ylabel="top-1 accuracy", ylim=(0, 1.02))
    axes[1].legend()
    axes[2].plot(epochs, history["lr"], color="0.3", marker=".")
    axes[2].set(ylabel="learning rate at the epoch's start", ylim=(0, None))
    for each in axes:
        each.set_xlabel("epoch")
        each.xaxis.get_major_locator().set_params(integer=True)
        sns.despine(ax=each)
    figure.suptitle(title)
    return figure


def confusion(matrix: pd.DataFrame, title: str) -> Figure:
    """Confusion matrix (labels by row) as shares of each label's videos; counts stand in the cells of small ones."""
    side = max(4.0, 0.45 * len(matrix))
    figure, axes = plt.subplots(figsize=(side + 1.6, side + 0.6), layout="constrained")
    shares = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    counts = matrix.astype(str).where(matrix > 0, "") if len(matrix) <= 25 else None
    label = {"label": "share of the label's videos"}
    sns.heatmap(shares, ax=axes, cmap="Blues", vmin=0, vmax=1, square=True, annot=counts, fmt="", cbar_kws=label)
    axes.set_title(title)
    return figure


def gradcam_figure(
    frames: NDArray[np.uint8], rows: Sequence[CamRow], *, title: str, frame_numbers: Sequence[int], opacity: float = 0.5
) -> Figure:
    """Rows input and one a network, columns frames: the frames (T, H, W, 3) with each network's maps over them.

    ``frame_numbers`` count from 0, the titles from 1. A map has one scale over its clip, shown at the right; maps and
    frames may differ in size.
    """
    num_frames, num_rows = len(frames), len(rows) + 1
    size = (1.25 * num_frames + 1.8, 1.25 * num_rows + 0.6)
    figure, grid = plt.subplots(num_rows, num_frames, figsize=size, layout="constrained", squeeze=False)
    extent = (0, frames.shape[2], frames.shape[1], 0)  # one for frames and maps, whatever their sizes
    for row, axes_row in enumerate(grid):
        for column, axes in enumerate(axes_row):
            axes.imshow(frames[column], extent=extent)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if row:
                heat = rows[row - 1].heat[column]
                image = axes.imshow(
                    heat, cmap="turbo", vmin=0, vmax=1, alpha=opacity, interpolation="bilinear", extent=extent
                )
            else:
                axes.set_title(f"frame {frame_numbers[column] + 1}", fontsize=8)
        axes_row[0].set_ylabel(
            row_name(rows[row - 1] if row else None), rotation=0, ha="right", va="center", fontsize=9
        )
    if rows:
        bar = figure.colorbar(image, ax=grid[1:, :], shrink=0.8, aspect=25, pad=0.01)
        bar.set_label("evidence, scaled over the clip", fontsize=8)
        bar.ax.tick_params(labelsize=7)
    figure.suptitle(title, fontsize=11)
    return figure


def row_name(row: CamRow | None) -> str:
    """Network, prediction and score; None is the row of the input."""
    return "input" if row is None else f"{row.name}\n“{row.predicted}” {row.score:.2f}"


def group_dynamics(table: pd.DataFrame, title: str, *, highlight: int = 4) -> Figure:
    """Gamma and beta of one clip over its frame groups: a panel for the last block of each stage, a line a channel.

    ``table`` is that of ``record_dynamics``, of one clip. The ``highlight`` channels that move most are coloured.
    """
    temporal = table[table["kind"] == "cross_temporal"]
    layers = list(temporal.groupby("stage", sort=False)["layer"].last())
    figure, grid = plt.subplots(
        2, len(layers), figsize=(2.2 * len(layers) + 1.2, 4.6), sharey="row", layout="constrained", squeeze=False
    )
    for column, layer in enumerate(layers):
        own = temporal[temporal["layer"] == layer]
        for row, name in enumerate(("gamma", "beta")):
            channel_lines(grid[row, column], own, name, highlight)
        grid[0, column].set_title(layer, fontsize=9)
        grid[1, column].set_xlabel("frames of the clip", fontsize=8)
    for row, name in enumerate(("γ (scale)", "β (shift)")):
        grid[row, 0].set_ylabel(name, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def timeline_figure(
    table: pd.DataFrame, frames: NDArray[np.uint8], frame_seconds: Sequence[float], title: str, *, highlight: int = 4
) -> Figure:
    """How gamma and beta of one layer change along a video, under the frames (F, H, W, 3) that they belong to.

    ``table`` has columns channel, seconds, gamma_change and beta_change, of one layer. The ``highlight`` channels that
    move most are coloured.
    """
    figure, grid = plt.subplots(3, 1, figsize=(10, 6.5), sharex=True, height_ratios=[1, 1.7, 1.7], layout="constrained")
    ends = table["seconds"].min(), table["seconds"].max()
    step = min(np.diff(frame_seconds), default=1.0)  # so that no two frames overlap
    for frame, at in zip(frames, frame_seconds, strict=True):
        grid[0].imshow(frame, extent=(at - 0.47 * step, at + 0.47 * step, 0, 1), aspect="auto")
    grid[0].set(ylim=(0, 1), yticks=[], ylabel="frames")
    grid[0].spines[:].set_visible(False)
    grid[0].tick_params(bottom=False)
    for axes, name, label in zip(grid[1:], ("gamma_change", "beta_change"), ("γ", "β"), strict=True):
        wide = table.pivot(index="seconds", columns="channel", values=name).sort_index()
        moved = (wide.max() - wide.min()).sort_values(ascending=False).index
        axes.plot(wide.index, wide[moved[highlight:]], color="0.85", linewidth=0.7, zorder=1)
        colours = sns.color_palette("colorblind", highlight)
        for channel, colour in zip(moved[:highlight], colours, strict=False):
            axes.plot(wide.index, wide[channel], color=colour, marker="o", markersize=3, label=f"channel {channel}")
        axes.set_ylabel(f"{label} − its mean over the video")
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        sns.despine(ax=axes)
    grid[2].set_xlabel("time (s)")
    grid[2].set_xlim(min(ends[0], frame_seconds[0] - step / 2), max(ends[1], frame_seconds[-1] + step / 2))
    figure.suptitle(title, fontsize=11)
    return figure


def channel_lines(axes: Axes, rows: pd.DataFrame, name: str, highlight: int) -> None:
    """Lines of one parameter over the groups of a layer: all channels grey, those that move most in colour."""
    wide = rows.pivot(index="group", columns="channel", values=name)
    moved = (wide.max() - wide.min()).sort_values(ascending=False).index
    axes.plot(wide.index, wide[moved[highlight:]], color="0.85", linewidth=0.7, zorder=1)
    colours = sns.color_palette("colorblind", highlight)
    for channel, colour in zip(moved[:highlight], colours, strict=False):
        axes.plot(wide.index, wide[channel], color=colour, marker="o", markersize=3, label=f"channel {channel}")
    spans = rows.drop_duplicates("group").sort_values("group")
    texts = [f"{first + 1}–{last + 1}" for first, last in zip(spans["first_frame"], spans["last_frame"], strict=True)]
    axes.set_xticks(list(wide.index), texts)
    axes.set_xlim(-0.3, len(wide) - 0.7)
    axes.tick_params(labelsize=7)
    sns.despine(ax=axes)


def block_dynamics(table: pd.DataFrame, title: str) -> Figure:
    """Gamma and beta of cross-layer DNR over the blocks, in the order of the network: how channels spread."""
    layers = table[table["kind"] == "cross_layer"]
    names = layers["stage"] + "." + layers["block"].astype(str)
    figure, grid = plt.subplots(2, 1, figsize=(0.7 * names.nunique() + 2.5, 5), sharex=True, layout="constrained")
    for axes, name, label in zip(grid, ("gamma", "beta"), ("γ (scale)", "β (shift)"), strict=True):
        sns.boxplot(
            data=layers.assign(block=names), x="block", y=name, hue="stage", dodge=False, palette="crest",
            width=0.6, fliersize=1.5, linewidth=0.8, ax=axes, legend=False,
        )  # fmt: skip
        axes.set_ylabel(label)
        sns.despine(ax=axes)
    grid[1].set_xlabel("block; the relay starts anew at every stage")
    grid[1].tick_params(axis="x", labelrotation=45, labelsize=8)
    figure.suptitle(title, fontsize=11)
    return figure
