"""Sentences about how gamma and beta move."""

import pandas as pd

STILL = 1e-5  # change of gamma and beta per second; less is float32's rounding


def of_groups(label: str, table: pd.DataFrame) -> str:
    """How much cross-temporal gamma and beta change over the frame groups, in the last block of each stage.

    ``table`` is from ``record_dynamics``, for one clip.
    """
    temporal = table[table["kind"] == "cross_temporal"]
    temporal = temporal[temporal["layer"].isin(temporal.groupby("stage")["layer"].last())]
    temporal = temporal[temporal.groupby("layer")["group"].transform("nunique") > 1]  # where something is relayed
    if temporal.empty:
        return f"“{label}”: one frame group, so nothing is relayed over time"
    groups = temporal.groupby(["layer", "channel"], sort=False)[["gamma", "beta"]]
    moved = (groups.last() - groups.first()).abs()
    layer = moved["gamma"].groupby("layer", sort=False).mean().idxmax()
    gamma, beta = moved["gamma"].mean(), moved["beta"].mean()
    return (
        f"“{label}”: from the first frame group to the last, γ changes by {gamma:.3f}\n"
        f"and β by {beta:.3f} (mean over the channels); γ changes most in {layer}"
    )


def of_timeline(label: str, table: pd.DataFrame) -> str:
    """When gamma and beta of one layer change fastest; ``table`` is a timeline's table for that layer."""
    layer, seconds = table["layer"].iloc[0], fastest_change(table)
    if seconds is None:
        return f"“{label}”: γ and β of {layer} stay the same"
    return f"“{label}”: γ and β of {layer} change fastest at {seconds:.1f} s"


def fastest_change(table: pd.DataFrame) -> float | None:
    """The time in seconds at which gamma and beta of one layer change fastest. None if only rounding changes them.

    Speed is measured over spans of an eighth of the points, and the time is the middle of the fastest span. The
    speed is the absolute change per second, averaged over the channels. The speeds of gamma and of beta are each
    divided by their mean over the video, and then added.
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
    """How the spread of cross-layer gamma over the channels changes from a stage's first block to its last."""
    layers = table[table["kind"] == "cross_layer"]
    spread = layers.groupby(["stage", "block"])["gamma"].std().groupby("stage")
    first, last = spread.first().mean(), spread.last().mean()
    if not spread.size().max() > 1:
        return "Every stage has one block, so γ is not relayed over the layers"
    verb = "stays the same" if f"{first:.3f}" == f"{last:.3f}" else "grows" if last > first else "shrinks"
    return (
        f"From the first block of a stage to the last, the spread of γ over the channels {verb}:\n"
        f"standard deviation {first:.3f} to {last:.3f} (mean over the stages)"
    )
