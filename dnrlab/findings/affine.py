"""Sentences about what gamma and beta carry: variance parts, linear probes, the relay cut, trajectories."""

import pandas as pd

from dnrlab.text import count


def of_variance(table: pd.DataFrame) -> str:
    """The share of gamma's variance that lies between classes, in the first layer and in the last."""
    kind = "cross_temporal" if "cross_temporal" in set(table["kind"]) else "cross_layer"
    own = table[(table["kind"] == kind) & (table["name"] == "gamma")].dropna(subset="between_classes")
    if own.empty:
        return "γ is constant"
    first, last = own.iloc[0], own.iloc[-1]
    return (
        f"{first['between_classes']:.2f} of the variance of γ lies between classes in {first['layer']}, "
        f"and {last['between_classes']:.2f} in {last['layer']};\n"
        f"the position in the relay explains {first['position']:.2f} and {last['position']:.2f}"
    )


def of_probe(table: pd.DataFrame, accuracy: float) -> str:
    """The layer whose gamma and beta predict the class best.

    ``table`` has columns layer, labels, mean, low and high; ``accuracy`` is the network's own.
    """
    own = table[(table["labels"] == "true") & (table["layer"] != "all")]
    best = own.loc[own["mean"].idxmax()]
    return (
        f"A linear probe of γ and β of {best['layer']} classifies {best['mean']:.2f} of the videos correctly\n"
        f"[{best['low']:.2f}, {best['high']:.2f}]; the network itself classifies {accuracy:.2f} correctly"
    )


def of_cuts(table: pd.DataFrame) -> str:
    """The accuracy with the whole relay and with parts of it cut; ``table`` has columns cut and mean."""
    means = table.set_index("cut")["mean"]
    cuts = {"over time": "the relay over time", "over layers": "the relay over layers", "both": "both"}
    without = [f"{means[cut]:.2f} without {name}" for cut, name in cuts.items() if cut in means]
    return f"Top-1 is {means['none']:.2f} with the whole relay;\n" + ", ".join(without)


def of_trajectories(table: pd.DataFrame, layer: str) -> str:
    """How much of the variance the figure shows; ``table`` has columns video and explained."""
    explained, videos = table["explained"].iloc[0], count(table["video"].nunique(), "video")
    return f"γ and β of {layer} along {videos}:\ntwo principal components show {explained:.0%} of their variance"
