"""How a network learned, and what it takes for what."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from dnrlab.plots.style import COUNTS, TRAIN, VALIDATION, bare, literal, say


def training_curves(history: pd.DataFrame, finding: str, note: str) -> Figure:
    """Loss, accuracy, learning rate, norm of the gradient and throughput over the epochs of a history."""
    figure, grid = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    epochs, axes = history["epoch"] + 1, grid.ravel()
    axes[0].plot(epochs, history["loss"], color=TRAIN, marker=".")
    axes[0].set(ylabel="training loss (nats a clip)", ylim=(0, None))
    axes[1].plot(epochs, history["top1"], color=TRAIN, marker=".", label="training clips, as augmented")
    validated = history["val_top1"].notna()
    if validated.any():
        val = history["val_top1"][validated]
        axes[1].plot(epochs[validated], val, color=VALIDATION, marker="o", label="validation videos")
    axes[1].set(ylabel="top-1 accuracy", ylim=(0, 1.02))
    axes[1].legend(loc="lower right", frameon=False, fontsize=8)
    axes[2].plot(epochs, history["lr"], color="0.3", marker=".")
    axes[2].set(ylabel="learning rate as the epoch begins", ylim=(0, None))
    axes[3].plot(epochs, history["grad_norm"], color="0.3", marker=".")
    axes[3].set(ylabel="gradient norm before clipping, mean", yscale="log")
    axes[4].plot(epochs, history["clips"] / history["seconds"], color="0.3", marker=".")
    axes[4].set(ylabel="clips a second", ylim=(0, None))
    axes[5].set_axis_off()
    for each in axes[:5]:
        each.set_xlabel("epoch")
        each.xaxis.get_major_locator().set_params(integer=True)
        bare(each)
    say(figure, finding, note)
    return figure


def confusion(matrix: pd.DataFrame, finding: str, note: str) -> Figure:
    """Confusion matrix (labels by row) as shares of each label's videos; counts stand in the cells of small ones."""
    side = max(4.0, 0.45 * len(matrix))
    figure, axes = plt.subplots(figsize=(side + 2.2, side + 1.2), layout="constrained")
    matrix = matrix.rename(index=literal, columns=literal)
    shares = matrix.div(matrix.sum(axis=1).clip(lower=1), axis=0)
    counts = matrix.astype(str).where(matrix > 0, "") if len(matrix) <= 25 else None
    bar = {"label": "share of the label's videos", "shrink": 0.8}
    sns.heatmap(shares, ax=axes, cmap=COUNTS, vmin=0, vmax=1, square=True, annot=counts, fmt="", cbar_kws=bar)
    axes.set(xlabel="predicted class", ylabel="label")
    say(figure, finding, note)
    return figure
