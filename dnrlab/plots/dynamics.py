"""How gamma and beta of DNR move: over frame groups, along a video, over the blocks."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray

from dnrlab.plots.style import CHANNELS, REST, STAGES, bare, channel_colours, set_titles


def group_dynamics(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """Gamma and beta of one clip over its frame groups: panels for the last block of each stage, one line per channel.

    ``table`` is from ``record_dynamics``, for one clip. The channels that change most in a layer are coloured. Layers
    with one group are left out, unless all have one.

    Raises: ValueError if the table has several clips, or no cross-temporal DNR.
    """
    temporal = table[table["kind"] == "cross_temporal"]
    if temporal["clip"].nunique() != 1:
        clips = f"{temporal['clip'].nunique()} clips with cross-temporal DNR"
        raise ValueError(f"expected the table of one clip, got {clips}; give table[table['clip'] == 0]")
    relayed = temporal[temporal.groupby("layer")["group"].transform("nunique") > 1]
    temporal = temporal if relayed.empty else relayed
    layers = list(temporal.groupby("stage", sort=False)["layer"].last())
    size = (max(2.2 * len(layers) + 1.2, 9.0), 5.2)
    figure, grid = plt.subplots(2, len(layers), figsize=size, sharey="row", layout="constrained", squeeze=False)
    for column, layer in enumerate(layers):
        own = temporal[temporal["layer"] == layer]
        wide = {name: own.pivot(index="group", columns="channel", values=name) for name in ("gamma", "beta")}
        colours = channel_colours(most_moving(wide["gamma"], wide["beta"]))
        spans = own.drop_duplicates("group").sort_values("group")
        frames = zip(spans["first_frame"] + 1, spans["last_frame"] + 1, strict=True)
        texts = [f"{first}–{last}" if last > first else f"{first}" for first, last in frames]
        for axes, values in zip(grid[:, column], wide.values(), strict=True):
            channel_lines(axes, values, colours)
            axes.set_xticks(list(values.index), texts)
            axes.set_xlim(-0.3, len(values) - 0.7)
            axes.tick_params(labelsize=7)
        grid[0, column].set_title(layer, fontsize=9)
        grid[1, column].set_xlabel("frames of the clip", fontsize=8)
        grid[1, column].legend(
            fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False,
            handlelength=1.2, columnspacing=0.8, title="channel", title_fontsize=7,
        )  # fmt: skip
    for row, name in enumerate(("γ (scale)", "β (shift)")):
        grid[row, 0].set_ylabel(name, fontsize=9)
    figure.draw_without_rendering()  # the layout first: aligned labels would otherwise end outside of the figure
    figure.align_ylabels(grid[:, 0])
    set_titles(figure, finding, note)
    return figure


def timeline_figure(
    table: pd.DataFrame,
    frames: NDArray[np.uint8],
    frame_seconds: Sequence[float],
    finding: str,
    note: str,
    *,
    clip_seconds: float,
) -> Figure:
    """How gamma and beta of one layer change along a video, below the frames (F, H, W, 3) of the same times.

    ``table`` has columns channel, seconds, gamma_change and beta_change, for one layer. The channels that change most
    are coloured. A bar of ``clip_seconds`` shows the length of the clip of the first point.
    """
    figure, grid = plt.subplots(
        3, 1, figsize=(10, 6.4), sharex=True, height_ratios=[0.8, 1.7, 1.7], layout="constrained"
    )
    step = min(np.diff(frame_seconds), default=1.0)
    start = min(table["seconds"].min(), frame_seconds[0] - step / 2)
    end = max(table["seconds"].max(), frame_seconds[-1] + step / 2)
    points = min(0.76 * 72 * 10 * step / (end - start), 85)  # width of a picture, so that no two overlap
    for frame, at in zip(frames, frame_seconds, strict=True):
        picture = OffsetImage(frame, zoom=0.95 * points / frame.shape[1])
        grid[0].add_artist(AnnotationBbox(picture, (at, 0.5), frameon=False, pad=0))
    grid[0].set(ylim=(0, 1), yticks=[], ylabel="frames")
    grid[0].spines[:].set_visible(False)
    grid[0].tick_params(bottom=False)
    names = ("gamma_change", "beta_change")
    wide = [table.pivot(index="seconds", columns="channel", values=name).sort_index() for name in names]
    colours = channel_colours(most_moving(*wide))
    for axes, values, label in zip(grid[1:], wide, ("γ", "β"), strict=True):
        channel_lines(axes, values, colours)
        axes.set_ylabel(f"{label} − its mean over the video")
    first = table["seconds"].min()
    low = grid[1].get_xaxis_transform()  # seconds, and the height of the panel
    grid[1].plot([frame_seconds[0], frame_seconds[0] + clip_seconds], [0.06, 0.06], color="0.4", lw=3, transform=low)
    grid[1].text(
        frame_seconds[0], 0.1, f"the first clip ({clip_seconds:.1f} s)", fontsize=8, color="0.4", transform=low
    )
    grid[1].axvspan(start, first, color="0.97", zorder=0)
    grid[1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, title="channel")
    grid[2].set_xlabel("time (s)")
    grid[2].set_xlim(start, end)
    set_titles(figure, finding, note)
    return figure


def most_moving(gamma: pd.DataFrame, beta: pd.DataFrame) -> list[int]:
    """The channels (columns) with the widest range of gamma and beta, each in units of its mean range."""
    ranges = [each.max() - each.min() for each in (gamma, beta)]
    score = sum(each / max(each.mean(), 1e-12) for each in ranges)
    return [int(channel) for channel in score.sort_values(ascending=False).index[: len(CHANNELS)]]


def channel_lines(axes: Axes, values: pd.DataFrame, colours: dict[int, str]) -> None:
    """One line per channel (column) over the index; channels without a colour are grey."""
    axes.plot(values.index, values.drop(columns=list(colours)), color=REST, linewidth=0.7, zorder=1)
    for channel, colour in colours.items():
        axes.plot(values.index, values[channel], color=colour, marker="o", markersize=3, label=f"{channel}")
    bare(axes)


def block_dynamics(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """The spread of gamma and beta of cross-layer DNR over the channels, for each block in the network's order."""
    layers = table[table["kind"] == "cross_layer"]
    names = layers["stage"] + "." + layers["block"].astype(str)
    size = (0.75 * names.nunique() + 2.5, 5.4)
    figure, grid = plt.subplots(2, 1, figsize=size, sharex=True, layout="constrained")
    for axes, name, label in zip(grid, ("gamma", "beta"), ("γ (scale)", "β (shift)"), strict=True):
        sns.boxplot(
            data=layers.assign(block=names), x="block", y=name, hue="stage", dodge=False, palette=STAGES,
            saturation=1, boxprops={"alpha": 0.75}, width=0.6, fliersize=1.5, linewidth=0.8, ax=axes, legend=False,
        )  # fmt: skip
        axes.set_ylabel(label)
        bare(axes)
    grid[1].set_xlabel("block (one colour per stage)")
    grid[1].tick_params(axis="x", labelrotation=45, labelsize=8)
    set_titles(figure, finding, note)
    return figure
