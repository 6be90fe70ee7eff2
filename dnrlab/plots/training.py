"""How a network learned, which classes it confuses, and what many views of a video gain."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from dnrlab.plots.style import COUNTS, NETWORKS, TRAIN, VALIDATION, bare, literal, set_titles


def training_curves(history: pd.DataFrame, finding: str, note: str) -> Figure:
    """Loss, accuracy, learning rate, norm of the gradient and throughput over the epochs of a history."""
    figure, grid = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    epochs, axes = history["epoch"] + 1, grid.ravel()
    axes[0].plot(epochs, history["loss"], color=TRAIN, marker=".")
    axes[0].set(ylabel="training loss (nats per clip)", ylim=(0, None))
    axes[1].plot(epochs, history["top1"], color=TRAIN, marker=".", label="training clips, as augmented")
    validated = history["val_top1"].notna()
    if validated.any():
        val = history["val_top1"][validated]
        axes[1].plot(epochs[validated], val, color=VALIDATION, marker="o", label="validation videos")
    axes[1].set(ylabel="top-1 accuracy", ylim=(0, 1.02))
    axes[1].legend(loc="best", frameon=False, fontsize=8)
    axes[2].plot(epochs, history["lr"], color="0.3", marker=".")
    axes[2].set(ylabel="learning rate (start of epoch)", ylim=(0, None))
    axes[3].plot(epochs, history["grad_norm"], color="0.3", marker=".")
    axes[3].set(ylabel="mean gradient norm before clipping", yscale="log")
    axes[3].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[3].yaxis.set_major_formatter("{x:g}")
    axes[3].yaxis.set_minor_formatter(NullFormatter())
    axes[4].plot(epochs, history["clips"] / history["seconds"], color="0.3", marker=".")
    axes[4].set(ylabel="clips per second", ylim=(0, None))
    axes[5].set_axis_off()
    for each in axes[:5]:
        each.set_xlabel("epoch")
        each.xaxis.get_major_locator().set_params(integer=True)
        bare(each)
    set_titles(figure, finding, note)
    return figure


def confusion(matrix: pd.DataFrame, finding: str, note: str) -> Figure:
    """Confusion matrix (rows are labels) as shares of each label's videos; small matrices show counts in the cells."""
    side = max(4.0, 0.45 * len(matrix))
    figure, axes = plt.subplots(figsize=(side + 2.2, side + 1.2), layout="constrained")
    matrix = matrix.rename(index=literal, columns=literal)
    shares = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    counts = matrix.astype(str).where(matrix > 0, "") if len(matrix) <= 25 else None
    bar = {"label": "share of the label's videos", "shrink": 0.8}
    sns.heatmap(shares, ax=axes, cmap=COUNTS, vmin=0, vmax=1, square=True, annot=counts, fmt="", cbar_kws=bar)
    axes.set(xlabel="predicted class", ylabel="label")
    set_titles(figure, finding, note)
    return figure


def view_accuracy_figure(by_number: pd.DataFrame, views: pd.DataFrame, finding: str, note: str) -> Figure:
    """Top-1 over the number of views per video, and top-1 of each single view over the clips.

    Args:
        by_number: columns views and top1.
        views: columns clip, crop (both from 0) and top1; one line per crop, in the colours of ``views_figure``.
    """
    figure, (together, single) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    together.plot(by_number["views"], by_number["top1"], color="black", marker=".")
    together.set(xlabel="views per video", ylabel="top-1 accuracy")
    crops = views["crop"].nunique()
    names = ("left or top", "middle", "right or bottom") if crops == 3 else ("centre",)
    for index, (crop, own) in enumerate(views.groupby("crop")):
        style = {"color": NETWORKS[index + 1], "linestyle": ("-", "--", ":")[index], "marker": "."}
        single.plot(own["clip"] + 1, own["top1"], label=names[int(crop)], **style)
    single.axhline(by_number["top1"].iloc[-1], color="black", linewidth=0.8)
    single.annotate("all views", (1, by_number["top1"].iloc[-1]), (-2, 3), xycoords=("axes fraction", "data"),
                    textcoords="offset points", ha="right", fontsize=8)  # fmt: skip
    single.set(xlabel="clip, in order of time")
    single.legend(title="crop", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    shown = pd.concat([by_number["top1"], views["top1"]])
    middle, half = (shown.max() + shown.min()) / 2, (shown.max() - shown.min()) / 2
    together.set_ylim(middle - 1.2 * max(half, 0.05), middle + 1.2 * max(half, 0.05))  # small differences look small
    for axes, title in ((together, "views together"), (single, "each view alone")):
        axes.set_title(title, fontsize=10)
        axes.xaxis.get_major_locator().set_params(integer=True)
        bare(axes)
    set_titles(figure, finding, note)
    return figure
