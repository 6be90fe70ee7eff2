"""The accuracies of a batch's settings, with their intervals."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dnrlab.plots.style import NETWORKS, bare, literal, set_titles

LONGEST = 60  # characters of a setting's name


def settings_figure(summary: pd.DataFrame, names: Sequence[str], finding: str, note: str) -> Figure:
    """Top-1 of each setting as a point with its 95 % interval, in the order of ``summary``.

    Args:
        summary: mean, low and high, one row per setting; low and high may be nan.
        names: of the settings; long ones are cut.
    """
    figure, axes = plt.subplots(figsize=(7.5, 1.4 + 0.32 * len(summary)), layout="constrained")
    places = range(len(summary))[::-1]
    errors = [summary["mean"] - summary["low"], summary["high"] - summary["mean"]]
    axes.errorbar(summary["mean"], list(places), xerr=errors, fmt="o", color=NETWORKS[0], elinewidth=1.5)
    axes.set_yticks(list(places), [literal(name if len(name) <= LONGEST else f"{name[:LONGEST]}…") for name in names])
    axes.set(xlabel="top-1 accuracy", ylim=(-0.6, len(summary) - 0.4))
    bare(axes)
    set_titles(figure, finding, note)
    return figure
