"""What all figures share: one colour for one thing, and the positions of the finding and the note.

Colours are those of Okabe and Ito (2008), which colour-blind people can distinguish. Quantities use matplotlib's
perceptually uniform colour maps.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

TRAIN, VALIDATION = "#0072B2", "#D55E00"  # blue, vermilion


CHANNELS = ("#E69F00", "#009E73", "#CC79A7", "#56B4E9")  # single channels: orange, green, purple, sky blue


NETWORKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")  # without the baseline


MEASURED, NOISE = "black", "0.5"  # of speeds; the paper's marks are hollow


REST = "0.85"  # the other channels


COUNTS = "Blues"  # shares of videos


PAPER = "0.35"  # what the paper reports


NORM_COLOURS = {  # and markers
    "batch": ("0.15", "o"),
    "group": ("#E69F00", "s"),
    "instance": ("#009E73", "^"),
    "layer": ("#CC79A7", "v"),
    "dnr": ("#0072B2", "D"),
}


STAGES = "viridis"  # blocks, from the first stage to the last


def heat_colours() -> LinearSegmentedColormap:
    """Colours of evidence, from 0 (transparent) to 1 (nearly opaque)."""
    colours = colormaps["plasma"]
    steps = [(*colours(0.1 + 0.9 * at)[:3], 0.75 * min(max((at - 0.1) / 0.5, 0), 1)) for at in np.linspace(0, 1, 21)]
    return LinearSegmentedColormap.from_list("evidence", steps)


def set_titles(figure: Figure, finding: str, note: str) -> None:
    """Put the finding above the figure, and below it the note on how it was made and how to read it."""
    width = figure.get_figwidth()  # inches
    figure.suptitle(wrapped(literal(finding), round(9 * width)), fontsize=12)
    figure.supxlabel(wrapped(literal(note), round(14 * width)), fontsize=8, color="0.35")


def wrapped(text: str, columns: int) -> str:
    """Text in lines of at most ``columns`` letters; existing line breaks stay."""
    return "\n".join(textwrap.fill(line, max(columns, 20), break_on_hyphens=False) for line in text.split("\n"))


def literal(text: str) -> str:
    """Text with escaped dollar signs, since matplotlib takes them for mathematics; class names may have them."""
    return text.replace("$", r"\$")


def bare(axes: Axes) -> None:
    """Hide the top and right edges."""
    axes.spines[["top", "right"]].set_visible(False)


def network_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each network; the first, the baseline, is grey."""
    return {name: ("0.35", *NETWORKS)[index % (len(NETWORKS) + 1)] for index, name in enumerate(names)}


def channel_colours(channels: Sequence[int]) -> dict[int, str]:
    """A colour for each channel, for at most as many channels as there are colours."""
    return dict(zip(channels, CHANNELS, strict=False))


def outside_legend(axes: Axes) -> None:
    """Put a legend to the right of the axes."""
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
