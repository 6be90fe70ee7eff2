"""What gamma and beta carry and where they vary: variance parts, linear probes, the relay cut, trajectories."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dnrlab.plots.style import bare, literal, network_colours, outside_legend, set_titles

KINDS = {"cross_temporal": ("over time", "#0072B2"), "cross_layer": ("over layers", "#D55E00")}
SHARES = {
    "position": ("position in the relay", "0.9"),
    "within_clips": ("within clips", "#56B4E9"),
    "between_clips": ("between clips of a class", "0.65"),
    "between_classes": ("between classes", "#E69F00"),
}
NAMES = {"gamma": "γ", "beta": "β"}


def variance_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """Shares of the variance of gamma and beta: one bar per layer, one column of panels per kind of relay.

    ``table`` has columns layer, kind, name, and the keys of ``SHARES``. A constant layer has no bar.
    """
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    layers = table["layer"].nunique()
    size = (min(0.42 * layers * len(kinds) + 3.2, 18), 5)
    figure, grid = plt.subplots(2, len(kinds), figsize=size, sharey=True, sharex="col", squeeze=False,
                                layout="constrained")  # fmt: skip
    for row, name in zip(grid, NAMES, strict=True):
        for axes, kind in zip(row, kinds, strict=True):
            own = table[(table["kind"] == kind) & (table["name"] == name)]
            bottom = 0.0 * own["total"].to_numpy()
            for share, (label, colour) in SHARES.items():
                axes.bar(range(len(own)), own[share], bottom=bottom, color=colour, width=0.8, label=label)
                bottom = bottom + own[share].fillna(0).to_numpy()
            axes.set_xticks(range(len(own)), list(own["layer"]), rotation=60, ha="right", fontsize=7)
            axes.set(ylim=(0, 1), xlim=(-0.6, len(own) - 0.4))
            bare(axes)
        row[0].set_ylabel(f"share of the variance of {NAMES[name]}", fontsize=9)
    for axes, kind in zip(grid[0], kinds, strict=True):
        axes.set_title(f"relay {KINDS[kind][0]}", fontsize=10)
    outside_legend(grid[0, -1])
    set_titles(figure, finding, note)
    return figure


def probe_figure(table: pd.DataFrame, accuracy: float, chance: float, finding: str, note: str) -> Figure:
    """Accuracy of linear probes of gamma and beta over the layers, and of the control: one line per kind.

    ``table`` has columns layer, kind, labels (true, shuffled), mean, low, high; ``accuracy`` is the network's own.
    """
    layers = [layer for layer in table["layer"].unique() if layer != "all"]
    figure, axes = plt.subplots(figsize=(min(0.5 * len(layers) + 4.5, 16), 4), layout="constrained")
    positions = {layer: position for position, layer in enumerate([*layers, "all"])}
    for kind, (label, colour) in {**KINDS, "all": ("all layers", "#009E73")}.items():
        for labels, shade in (("shuffled", "0.6"), ("true", colour)):
            own = table[(table["kind"] == kind) & (table["labels"] == labels)]
            if own.empty:
                continue
            bars = [own["mean"] - own["low"], own["high"] - own["mean"]]
            name = f"γ, β {label}" if labels == "true" else "shuffled labels" if kind == "all" else None
            axes.errorbar(own["layer"].map(positions), own["mean"], yerr=bars, color=shade, marker="o", markersize=4,
                          capsize=2, linewidth=1.2 if labels == "true" else 0.8, label=name)  # fmt: skip
    for height, name in ((accuracy, "the network"), (chance, "chance")):
        axes.axhline(height, color="0.4", linestyle=":", linewidth=1)
        axes.annotate(name, (1, height), (-2, 2), textcoords="offset points", xycoords=("axes fraction", "data"),
                      ha="right", fontsize=7, color="0.4")  # fmt: skip
    axes.set_xticks(range(len(positions)), list(positions), rotation=45, ha="right", fontsize=8)
    axes.set(ylabel="videos classified correctly (share)", ylim=(0, 1.06))
    bare(axes)
    outside_legend(axes)
    set_titles(figure, finding, note)
    return figure


def cut_figure(cuts: pd.DataFrame, influence: pd.DataFrame, chance: float, finding: str, note: str) -> Figure:
    """Left: accuracy with the relay cut. Right: how much the relay changes gamma and beta, by cell.

    ``cuts`` has columns cut, mean, low, high; ``influence`` cell, kind, name, change.
    """
    cells = list(influence["cell"].unique())
    size = (min(0.4 * len(cells) + 6.5, 18), 4.2)
    figure, (left, right) = plt.subplots(1, 2, figsize=size, width_ratios=[3, max(0.4 * len(cells), 2)],
                                         layout="constrained")  # fmt: skip
    bars = [cuts["mean"] - cuts["low"], cuts["high"] - cuts["mean"]]
    left.bar(cuts["cut"], cuts["mean"], yerr=bars, color="0.75", capsize=3, width=0.65)
    left.axhline(chance, color="0.4", linestyle=":", linewidth=1)
    for index, mean in enumerate(cuts["mean"]):
        left.annotate(f"{mean:.2f}", (index, 0), (0, 4), textcoords="offset points", ha="center", fontsize=8)
    left.set(ylim=(0, 1.06), xlabel="relay cut", ylabel="top-1")
    for kind, (label, colour) in KINDS.items():
        for name, marker in (("gamma", "o"), ("beta", "s")):
            own = influence[(influence["kind"] == kind) & (influence["name"] == name)]
            if len(own):
                right.plot([cells.index(cell) for cell in own["cell"]], own["change"], marker, color=colour,
                           markersize=5, mfc=colour if name == "gamma" else "white",
                           label=f"{NAMES[name]} {label}")  # fmt: skip
    right.set_xticks(range(len(cells)), [cell.removesuffix(".lstm") for cell in cells], rotation=60, ha="right",
                     fontsize=7)  # fmt: skip
    right.set(ylim=(-0.05, None), ylabel="change due to the relay\n(standard deviations)")
    for axes in (left, right):
        bare(axes)
    outside_legend(right)
    set_titles(figure, finding, note)
    return figure


def trajectories_figure(table: pd.DataFrame, finding: str, note: str) -> Figure:
    """Gamma and beta along videos in two dimensions: one line per video, from the open point to the filled one.

    ``table`` has columns video, label, seconds, first, second.
    """
    labels = list(table["label"].unique())
    colours = network_colours(labels)
    figure, axes = plt.subplots(figsize=(7.5, 5), layout="constrained")
    named = set()
    for _, own in table.sort_values("seconds").groupby("video"):
        label = own["label"].iloc[0]
        name = None if label in named else literal(label)
        axes.plot(
            own["first"], own["second"], linewidth=1.2, marker=".", markersize=3, color=colours[label], label=name
        )
        for point, filled in ((own.iloc[0], False), (own.iloc[-1], True)):
            axes.plot(point["first"], point["second"], "o", color=colours[label], markersize=7,
                      mfc=colours[label] if filled else "white")  # fmt: skip
        named.add(label)
    axes.set(xlabel="first principal component", ylabel="second principal component")
    bare(axes)
    outside_legend(axes)
    set_titles(figure, finding, note)
    return figure
