"""Heat maps over the frames of a clip (the paper's Figure 1)."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dnrlab.plots.style import heat_colours, literal, say


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
    frame_numbers: Sequence[int],
    label: str = "",
) -> Figure:
    """Rows input and one a network, columns frames: the frames (T, H, W, 3), and in grey under each network's maps.

    ``frame_numbers`` count from 0, the titles from 1. With a ``label``, predictions are marked right or wrong. A map
    has one scale over its clip, shown at the right; maps and frames may differ in size.
    """
    num_frames, num_rows = len(frames), len(rows) + 1
    size = (1.25 * num_frames + 1.8, 1.25 * num_rows + 0.9)
    figure, grid = plt.subplots(num_rows, num_frames, figsize=size, layout="constrained", squeeze=False)
    extent = (0, frames.shape[2], frames.shape[1], 0)  # one for frames and maps, whatever their sizes
    grey = frames.mean(axis=3)  # (T, H, W): the only colours of a row are those of its map
    for row, axes_row in enumerate(grid):
        for column, axes in enumerate(axes_row):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if row == 0:
                axes.imshow(frames[column], extent=extent)
                axes.set_title(f"frame {frame_numbers[column] + 1}", fontsize=8)
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
    say(figure, finding, note)
    return figure


def row_name(row: CamRow, label: str) -> str:
    """Network, prediction and score, and whether it is right where that is known."""
    mark = "" if not label else " ✓" if row.predicted == label else " ✗"
    return f"{row.name}\n“{row.predicted}” {row.score:.2f}{mark}"
