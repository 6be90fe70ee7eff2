"""Sentences about heat maps, and about what networks see."""

from collections.abc import Mapping

import pandas as pd

from dnrlab.text import beyond, listed

ALIKE = 0.3  # rank correlation; maps of one clip with less show different things


def of_maps(label: str, predictions: Mapping[str, str]) -> str:
    """Which networks predict the label of a clip, and what the others predict; an unknown label is ``""``.

    ``“up”: relay and dnr are right, bn predicts “down”``.

    Args:
        predictions: the predicted class by network.
    """
    wrong = [f"{name} predicts “{predicted}”" for name, predicted in predictions.items() if predicted != label]
    if not label:
        return ", ".join(wrong)
    right = [name for name, predicted in predictions.items() if predicted == label]
    verdict = [f"{listed(right)} {'is' if len(right) == 1 else 'are'} right"] if right else []
    return f"“{label}”: " + ", ".join(verdict + wrong)


def of_localisation(differences: pd.DataFrame, baseline: str, means: pd.DataFrame) -> str:
    """The share of the baseline's heat on the object, the difference of other networks from it, and the controls.

    Args:
        differences: columns network, measure, mean, low and high, see ``dnrlab.evaluation.intervals``.
        means: the same columns. Networks that only ``means`` has, apart from the baseline, are controls.
    """
    share = means.set_index(["network", "measure"])["mean"][baseline, "share"]
    lines = [f"{share:.2f} of the heat of {baseline} lies on the object"]
    rows = differences[differences["measure"] == "share"]
    if len(rows):
        each = ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())
        lines.append(f"difference from {baseline}: {each}")
    controls = means[(means["measure"] == "share") & ~means["network"].isin([baseline, *rows["network"]])]
    if len(controls):
        lines.append("controls: " + ", ".join(f"{row['network']} {row['mean']:.2f}" for _, row in controls.iterrows()))
    return ";\n".join(lines)


def of_traits(table: pd.DataFrame, baseline: str) -> str:
    """For which objects networks have more heat on the object than the baseline.

    ``table`` has columns network, trait, third, mean, low and high. A trait is named only if the intervals of its
    lowest and highest third do not overlap.
    """
    clear = []
    for (network, trait), own in table.groupby(["network", "trait"], sort=False):
        first, last = own.iloc[0], own.iloc[-1]
        if last["low"] > first["high"] or last["high"] < first["low"]:
            clear.append(f"{network} at {'high' if last['mean'] > first['mean'] else 'low'} {trait}")
    start = f"Heat on the object, minus that of {baseline}:"
    return f"{start}\n" + (f"highest for {', '.join(clear)}" if clear else "no trait makes a clear difference")


def of_forgetting(table: pd.DataFrame) -> str:
    """How similar maps stay with random weights in the first part, and with random weights in all parts.

    ``With random weights in fc the maps stay similar (rank correlation 0.97 to 0.99);`` and on the next line
    ``with random weights everywhere they change (rank correlation 0.10 to 0.25)``.

    Args:
        table: columns network, forgotten, step and mean.
    """
    steps = table.sort_values("step").groupby("network", sort=False)
    first, last = steps["mean"].first(), steps["mean"].last()
    part = table.sort_values("step")["forgotten"].iloc[0]

    def described(values: "pd.Series[float]") -> str:
        verb = "stay similar" if values.min() > 0.8 else "change" if values.max() < ALIKE else "change in part"
        low, high = f"{values.min():.2f}", f"{values.max():.2f}"
        return f"{verb} (rank correlation {low}" + (f" to {high})" if high != low else ")")

    return (
        f"With random weights in {part} the maps {described(first)};\n"
        f"with random weights everywhere they {described(last)}"
    )


def of_faithfulness(differences: pd.DataFrame) -> str:
    """Areas under the curves, map minus random map.

    ``differences`` has columns network, measure (deletion, insertion), mean, low and high.
    """
    lines = []
    for measure, better in (("deletion", "lower"), ("insertion", "higher")):
        rows = differences[differences["measure"] == measure]
        each = ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())
        lines.append(f"Area under the {measure} curve, map minus random map ({better} is better): {each}")
    return "\n".join(lines)
