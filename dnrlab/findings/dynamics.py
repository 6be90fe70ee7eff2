"""Sentences about gamma and beta."""

import pandas as pd

from dnrlab.text import count

STILL = 1e-5  # gamma and beta a second; less is float32's rounding


def of_groups(label: str, table: pd.DataFrame) -> str:
    """How far cross-temporal gamma and beta move over the frame groups, in the last block of each stage.

    ``table`` is that of one recorded clip.
    """
    temporal = table[table["kind"] == "cross_temporal"]
    temporal = temporal[temporal["layer"].isin(temporal.groupby("stage")["layer"].last())]
    if temporal["group"].nunique() < 2:
        return f"“{label}”: one frame group, so that nothing is relayed in time"
    groups = temporal.groupby(["layer", "channel"], sort=False)[["gamma", "beta"]]
    moved = (groups.last() - groups.first()).abs()
    layer = moved["gamma"].groupby("layer", sort=False).mean().idxmax()
    gamma, beta = moved["gamma"].mean(), moved["beta"].mean()
    return (
        f"“{label}”: from the first frame group to the last γ moves by {gamma:.3f}\n"
        f"and β by {beta:.3f} (mean of the channels), γ most in {layer}"
    )


def of_timeline(label: str, table: pd.DataFrame) -> str:
    """When gamma and beta of one layer change fastest; ``table`` is that of a timeline."""
    layer, seconds = table["layer"].iloc[0], fastest_change(table)
    if seconds is None:
        return f"“{label}”: γ and β of {layer} stay the same"
    return f"“{label}”: γ and β of {layer} change fastest at {seconds:.1f} s"


def fastest_change(table: pd.DataFrame) -> float | None:
    """The time in seconds at which gamma and beta of one layer change fastest: the middle of an eighth of the points.

    The speed is the mean over the channels of the absolute change a second over that span, of gamma and of beta each
    in units of its mean over the video. None if nothing changes but by rounding.
    """
    total: pd.Series | None = None
    for name in ("gamma", "beta"):
        wide = table.pivot(index="seconds", columns="channel", values=name).sort_index()
        span = max(len(wide) // 8, 1)  # single steps would pick out jitter
        steps = wide.index.to_series().diff(span).iloc[span:]
        speed = wide.diff(span).iloc[span:].abs().mean(axis=1) / steps
        if speed.max() > STILL:
            total = speed / speed.mean() if total is None else total + speed / speed.mean()
            middles = speed.index - steps / 2
    return None if total is None else float(middles.loc[total.idxmax()])


def of_blocks(table: pd.DataFrame) -> str:
    """How the channels of cross-layer gamma spread from the first block of the stages to the last."""
    layers = table[table["kind"] == "cross_layer"]
    spread = layers.groupby(["stage", "block"])["gamma"].std().groupby("stage")
    first, last = spread.first().mean(), spread.last().mean()
    if not spread.size().max() > 1:
        return "Every stage has one block: γ is not relayed over the layers"
    verb = "keeps its spread" if f"{first:.3f}" == f"{last:.3f}" else "widens" if last > first else "narrows"
    return (
        f"From the first block of a stage to the last, γ {verb} over the channels:\n"
        f"standard deviation {first:.3f} to {last:.3f} (mean of the stages)"
    )


def of_variance(table: pd.DataFrame) -> str:
    """How the share of gamma's variance between classes changes from the first layer to the last."""
    kind = "cross_temporal" if "cross_temporal" in set(table["kind"]) else "cross_layer"
    own = table[(table["kind"] == kind) & (table["name"] == "gamma")].dropna(subset="between_classes")
    if own.empty:
        return "γ is constant"
    first, last = own.iloc[0], own.iloc[-1]
    return (
        f"Of the variance of γ, {first['between_classes']:.2f} lies between classes in {first['layer']}, "
        f"{last['between_classes']:.2f} in {last['layer']};\n"
        f"{first['place']:.2f} and {last['place']:.2f} come with the place in the relay"
    )


def of_probe(table: pd.DataFrame, accuracy: float) -> str:
    """Which layer's gamma and beta tell the class best; columns layer, labels, mean, low, high."""
    own = table[(table["labels"] == "true") & (table["layer"] != "all")]
    best = own.loc[own["mean"].idxmax()]
    return (
        f"γ and β of {best['layer']} alone tell the class of {best['mean']:.2f} of the videos\n"
        f"[{best['low']:.2f}, {best['high']:.2f}]; the network is right in {accuracy:.2f}"
    )


def of_cuts(table: pd.DataFrame) -> str:
    """What becomes of the accuracy when the relay is cut; columns cut, mean."""
    means = table.set_index("cut")["mean"]
    cuts = {"over time": "the relay over time", "over layers": "the relay over layers", "both": "both"}
    told = [f"without {name} {means[cut]:.2f}" for cut, name in cuts.items() if cut in means]
    return f"Top-1 is {means['none']:.2f};\n" + ", ".join(told)


def of_trajectories(table: pd.DataFrame, layer: str) -> str:
    """How much of the movement the picture shows; columns video, explained."""
    seen, videos = table["explained"].iloc[0], table["video"].nunique()
    return f"γ and β of {layer} along {count(videos, 'video')}:\ntwo directions show {seen:.0%} of their variance"
