"""What interlacing and the relay add, on each data set."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dnrlab.plots.style import MEASURED, NETWORKS, bare, literal, set_titles

COLOURS = {"both together": MEASURED, "interlacing": NETWORKS[0], "relay": NETWORKS[1]}
WIDTH = 2.6  # inches of a panel


def differences_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """Gains in top-1 (points), one panel per data set: mean and intervals over runs (thick) and videos (thin).

    Args:
        table: from ``dnrlab.experiments.variants.differences``, of one network.
    """
    datasets, added = list(dict.fromkeys(table["dataset"])), list(dict.fromkeys(table["what"]))
    size = (WIDTH * len(datasets) + 2.6, 0.42 * len(added) + 1.9)
    figure, panels = plt.subplots(
        1, len(datasets), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axes, dataset in zip(panels[0], datasets, strict=True):
        own = table[table["dataset"] == dataset].set_index("what")
        for place, what in enumerate(added):
            if what in own.index:
                row = 100 * own.loc[what, ["mean", "low", "high", "videos_low", "videos_high"]].astype(float)
                colour = COLOURS[what.partition(",")[0]]
                axes.plot([row["videos_low"], row["videos_high"]], [place + 0.16] * 2, color=colour, linewidth=1)
                axes.plot([row["low"], row["high"]], [place] * 2, color=colour, linewidth=2.5)
                axes.plot(row["mean"], place, "o", color=colour, markersize=6)
        axes.axvline(0, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        axes.set_title(literal(dataset), fontsize=10)
        axes.set_xlabel("gain in top-1 (points)")
        axes.margins(x=0.1)
        bare(axes)
    panels[0, 0].set_yticks(range(len(added)), added)
    panels[0, 0].set_ylim(len(added) - 0.5, -0.6)
    set_titles(figure, finding, note)
    return figure
