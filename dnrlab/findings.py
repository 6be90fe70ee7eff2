"""Sentences for the titles of figures, from the numbers that the figures show."""

from collections.abc import Mapping, Sequence

import pandas as pd

STILL = 1e-5  # gamma and beta a second; less is float32's rounding


def of_training(name: str, history: pd.DataFrame) -> str:
    """``runs/a: best top-1 on the validation videos 0.98, after epoch 12 of 16``; of the training clips without any."""
    scored = history["val_top1"].dropna()
    if scored.empty:
        return (
            f"{name}: top-1 on the training clips {history['top1'].iloc[-1]:.2f} after {count(len(history), 'epoch')}"
        )
    best = int(history.loc[scored[scored == scored.max()].index[-1], "epoch"]) + 1  # a later epoch wins a tie
    return f"{name}: best top-1 on the validation videos {scored.max():.2f}, after epoch {best} of {len(history)}"


def of_confusion(matrix: pd.DataFrame) -> str:
    """The share that is right, and the commonest mistake; ``matrix`` has labels by row and predictions by column."""
    right = sum(int(matrix.loc[label, label]) for label in matrix.index)
    total = int(matrix.to_numpy().sum())
    wrong = matrix.stack()
    wrong = wrong[wrong.index.get_level_values(0) != wrong.index.get_level_values(1)]
    finding = f"{right} of {total} videos are right"
    if wrong.empty or not wrong.max():
        return finding
    label, predicted = wrong.idxmax()
    if (wrong == wrong.max()).sum() > 1:
        return f"{finding};\nmistakes are spread, for example “{label}” taken for “{predicted}”"
    number = int(matrix.loc[label].sum())
    return f"{finding};\ncommonest mistake: “{label}” taken for “{predicted}” ({wrong.max()} of {number})"


def of_maps(label: str, predictions: Mapping[str, str]) -> str:
    """Which networks are right about a clip; ``predictions`` gives the class by network, ``label`` may be unknown (``).

    ``“up”: relay and dnr are right, bn says “down”``.
    """
    said = [f"{name} says “{predicted}”" for name, predicted in predictions.items() if predicted != label]
    if not label:
        return ", ".join(said)
    right = [name for name, predicted in predictions.items() if predicted == label]
    verdict = [f"{listed(right)} {'is' if len(right) == 1 else 'are'} right"] if right else []
    return f"“{label}”: " + ", ".join(verdict + said)


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


def quick(epochs: int, of: int) -> str:
    """``Quick setting (2 of 16 epochs): ``, to stand before a finding; empty if no epochs are left out."""
    return f"Quick setting ({epochs} of {of} epochs): " if epochs < of else ""


def spread(seeds: int) -> str:
    """What a point of a figure is: ``mean and standard deviation of 3 seeds, and each as a small point``."""
    if seeds == 1:
        return "one seed, so that close values may change places"
    return f"mean and standard deviation of {seeds} seeds, and each as a small point"


def of_gains(table: pd.DataFrame) -> str:
    """What the variants gain on batch norm, in points of top-1, and in the paper where it has them.

    ``table`` has columns name, label, gain and paper_gain, in shares; ``bn`` is the baseline, and is not counted.
    """
    others = table[table["name"] != "bn"].dropna(subset="gain")
    if others.empty:
        return "There is nothing to compare with batch norm"
    better = int((others["gain"] > 0).sum())
    finding = f"{better} of {count(len(others), 'variant')} above batch norm;\n{gain_range(others, 'gain')}"
    published = others.dropna(subset="paper_gain")
    return finding + (f"\n(in the paper {gain_range(published, 'paper_gain')})" if len(published) else "")


def gain_range(table: pd.DataFrame, name: str) -> str:
    """``gains of -1.2 to +3.4 points of top-1, most with “bi”``; of one variant ``a gain of +3.4 points of top-1``."""
    points = 100 * table[name]
    if len(points) == 1:
        return f"a gain of {points.iloc[0]:+.1f} points of top-1"
    most = table.loc[points.idxmax(), "label"]
    return f"gains of {points.min():+.1f} to {points.max():+.1f} points of top-1, most with “{most}”"


def of_batches(table: pd.DataFrame) -> str:
    """How DNR and batch norm take the step from the largest batch to the smallest, and which norm is best there.

    ``table`` has columns norm, label, batch_size and top1.
    """
    table = table.dropna(subset="top1")
    sizes = sorted(int(size) for size in table["batch_size"].unique())
    wide = table.pivot(index="batch_size", columns="label", values="top1")
    smallest, largest = wide.loc[sizes[0]], wide.loc[sizes[-1]]
    best = f"in batches of {sizes[0]}: {smallest.idxmax()} ({smallest.max():.2f})"
    shown = [label for label in ("DNR", "batch norm") if label in smallest.dropna() and label in largest.dropna()]
    if len(sizes) == 1 or not shown:
        return f"Best {best}"
    goes = [f"from {largest[label]:.2f} to {smallest[label]:.2f} for {label}" for label in shown]
    return f"From batches of {sizes[-1]} clips to {sizes[0]} top-1 goes\n{listed(goes)};\nbest {best}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def count(number: int, noun: str) -> str:
    """``1 epoch``, ``2 epochs``."""
    return f"{number} {noun}" + "s" * (number != 1)
