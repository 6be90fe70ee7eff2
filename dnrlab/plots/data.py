"""What is in a data set, and what a network gets of it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dnrlab.plots.style import MEASURED, NETWORKS, PAPER, TRAIN, VALIDATION, bare, literal, set_titles

NAMED_CLASSES = 40  # more are drawn as a curve over their rank
SPLIT_COLOURS = {"train": TRAIN, "val": VALIDATION, "test": "#009E73"}
BINS = 40


def counts_figure(counts: pd.DataFrame, finding: str, note: str) -> Figure:
    """Videos per class, one colour per split: bars with names, or, for many classes, a curve over the rank.

    ``counts`` has one row per class and one column per split.
    """
    colours = split_colours(list(counts))
    if len(counts) <= NAMED_CLASSES:
        figure, axes = plt.subplots(figsize=(8, 0.24 * len(counts) + 1.8), layout="constrained")
        left = np.zeros(len(counts))
        for name in counts:
            axes.barh(range(len(counts)), counts[name], left=left, color=colours[name], label=name or "(empty)")
            left += counts[name].to_numpy()
        axes.set_yticks(range(len(counts)), [literal(str(name)) for name in counts.index], fontsize=8)
        axes.set(ylim=(len(counts) - 0.4, -0.6), xlabel="videos")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
        for name in counts:
            ranked = np.sort(counts[name].to_numpy())[::-1]
            axes.step(np.arange(len(ranked)) + 1, ranked, where="mid", color=colours[name], label=name or "(empty)")
        axes.set(xlabel="classes, from the one with the most videos", ylabel="videos", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    bare(axes)
    set_titles(figure, finding, note)
    return figure


def split_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each split."""
    others = iter(NETWORKS[3:] * len(names))
    return {name: SPLIT_COLOURS.get(name) or next(others) for name in names}


def lengths_figure(table: pd.DataFrame, needed: int, finding: str, note: str) -> Figure:
    """Lengths of the videos by split, in frames, and in seconds if known.

    ``table`` has columns num_frames and duration_seconds, and, if known, split. A line marks ``needed`` frames.
    """
    panels = {"num_frames": "frames", "duration_seconds": "seconds"}
    known = [name for name in panels if table[name].notna().any()]
    figure, grid = plt.subplots(1, len(known), figsize=(4 * len(known) + 1, 3), layout="constrained", squeeze=False)
    splits = table["split"] if "split" in table else pd.Series("all", index=table.index)
    names = [name for name in (*SPLIT_COLOURS, *sorted(set(splits) - set(SPLIT_COLOURS))) if name in set(splits)]
    colours = split_colours(names)
    for axes, measure in zip(grid[0], known, strict=True):
        values = [table.loc[(splits == name) & table[measure].notna(), measure] for name in names]
        edges = bin_edges(table[measure].dropna(), whole=measure == "num_frames")
        axes.hist(values, bins=edges, stacked=True, color=[*colours.values()], label=names)
        axes.set(xlabel=panels[measure], ylabel="videos")
        axes.set_xlim(left=0)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        bare(axes)
    grid[0, 0].axvline(needed, color="0.2", linestyle=":", linewidth=1.2)
    where = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "fontsize": 8}
    grid[0, 0].annotate(f"clip: {needed}", (needed, 1), xytext=(3, -2), va="top", **where)
    grid[0, -1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    set_titles(figure, finding, note)
    return figure


def bin_edges(values: "pd.Series[float]", *, whole: bool) -> NDArray[np.float64]:
    """Bin edges from 0 to the largest value; for ``whole`` numbers the edges lie between them."""
    top = float(values.max())
    if whole:
        step = max(int(np.ceil((top + 1) / BINS)), 1)
        return np.arange(0, top + 2 * step, step) - 0.5
    return np.linspace(0, top * 1.001, BINS + 1)


def contact_sheet(clips: Sequence[tuple[str, NDArray[np.uint8]]], finding: str, note: str) -> Figure:
    """One row per clip, with its label at the left, one column per frame; ``clips``: labels and frames (T, H, W, 3)."""
    num_frames = len(clips[0][1])
    size = (0.95 * num_frames + 2, 0.95 * len(clips) + 1)
    figure, grid = plt.subplots(len(clips), num_frames, figsize=size, layout="constrained", squeeze=False)
    for (label, frames), row in zip(clips, grid, strict=True):
        for axes, frame in zip(row, frames, strict=True):
            axes.imshow(frame)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(literal(shortened(label)), rotation=0, ha="right", va="center", fontsize=8)
    set_titles(figure, finding, note)
    return figure


def shortened(label: str, length: int = 28) -> str:
    """A label of at most ``length`` letters."""
    return label if len(label) <= length else label[: length - 1] + "…"


def views_figure(
    frame_indices: NDArray[np.int64],
    num_frames: int,
    frame: NDArray[np.uint8],
    boxes: Sequence[tuple[int, int, int, int]],
    finding: str,
    note: str,
) -> Figure:
    """The clips of a video on its time line, one row per clip; beside it the crops on a frame.

    Args:
        frame_indices: (V, T), of the clips, from 0; the figure counts from 1.
        num_frames: of the video.
        frame: (H, W, 3).
        boxes: at most three crops: top, left, height, width, in pixels of the frame.
    """
    size = (10, max(0.28 * len(frame_indices) + 1.4, 2.8))
    ratios = (2.4, min(frame.shape[1] / frame.shape[0], 2))
    figure, (line, picture) = plt.subplots(1, 2, figsize=size, layout="constrained", width_ratios=ratios)
    time_line(line, frame_indices, num_frames)
    picture.imshow(frame)
    for index, (top, left, height, width) in enumerate(boxes):
        shape = Rectangle((left, top), width - 1, height - 1, fill=False, linewidth=2)
        shape.set(edgecolor=NETWORKS[index + 1], linestyle=("-", "--", ":")[index])
        picture.add_patch(shape)
    picture.set(xticks=[], yticks=[])
    picture.set_title(f"{len(boxes)} crop" + "s" * (len(boxes) > 1), fontsize=9)
    set_titles(figure, finding, note)
    return figure


def time_line(axes: Axes, frame_indices: NDArray[np.int64], num_frames: int) -> None:
    """Dots at the frames of each clip, with the first clip at the top."""
    for clip, frames in enumerate(frame_indices, 1):
        axes.plot([1, num_frames], [clip] * 2, color="0.88", linewidth=3, zorder=0, solid_capstyle="butt")
        axes.plot(frames + 1, [clip] * len(frames), "o", color=TRAIN, markersize=4)
    axes.set(xlabel="frame", ylabel="clip", yticks=range(1, len(frame_indices) + 1))
    axes.set_ylim(len(frame_indices) + 0.6, 0.4)
    axes.set_xlim(0, num_frames + 1)
    bare(axes)


def reading_figure(loaders: pd.DataFrame, times: pd.DataFrame, views: pd.DataFrame, finding: str, note: str) -> Figure:
    """Three panels: loader speed over workers, the parts of a clip's time, and two ways to read a video's views.

    Args:
        loaders: columns num_workers, clips_per_second, promised (the expected speed).
        times: columns probe_seconds, decode_seconds, transform_seconds; one row per clip.
        views: columns way, seconds; one row per round and way.
    """
    figure, (speed, parts, ways) = plt.subplots(1, 3, figsize=(10.5, 2.9), layout="constrained")
    speed.plot(
        loaders["num_workers"], loaders["promised"], "o--", color=PAPER, markerfacecolor="white", label="expected"
    )
    speed.plot(loaders["num_workers"], loaders["clips_per_second"], "o-", color=MEASURED, label="measured")
    speed.set(xlabel="workers", ylabel="training clips per second", ylim=(0, None), xticks=loaders["num_workers"])
    speed.legend(frameon=False, fontsize=8, loc="lower right")
    bare(speed)
    names = {"probe_seconds": "probe", "decode_seconds": "decode", "transform_seconds": "transform"}
    point_rows(parts, {label: times[name] for name, label in names.items()}, "milliseconds per training clip")
    point_rows(ways, dict(iter(views.groupby("way", sort=False)["seconds"])), "milliseconds to read all views")
    set_titles(figure, finding, note)
    return figure


def point_rows(axes: Axes, rows: Mapping[str, "pd.Series[float]"], title: str) -> None:
    """One row of points per name, from seconds to milliseconds, with a bar and a number at the median."""
    for row, values in enumerate(rows.values()):
        milliseconds = 1000 * values
        middle = milliseconds.median()
        axes.plot(milliseconds, [row] * len(values), "o", color=MEASURED, alpha=0.25, markersize=5)
        axes.plot([middle], [row], "|", color=MEASURED, markersize=20)
        text = f"{middle:.3g}" if middle < 1000 else f"{middle:,.0f}"
        axes.annotate(text, (middle, row), (0, 13), textcoords="offset points", ha="center", fontsize=8)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(ylim=(len(rows) - 0.4, -0.8), xlabel=title)
    axes.set_xlim(0, 1150 * max(values.max() for values in rows.values()))
    bare(axes)
