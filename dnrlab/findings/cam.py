"""Sentences about heat maps, and about what networks see."""

from collections.abc import Mapping

import pandas as pd

from dnrlab.text import beyond, listed

ALIKE = 0.3  # rank correlation; maps of one clip that agree less speak of different things


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


def of_localisation(differences: pd.DataFrame, baseline: str, means: pd.DataFrame) -> str:
    """How much of the baseline's heat is on the object, how much more of the others', and how much of controls'.

    Controls are the networks of ``means`` that ``differences`` leaves out.

    ``means`` and ``differences`` have columns network, measure, mean, low, high, as of ``dnrlab.evaluation.intervals``.
    """
    share = means.set_index(["network", "measure"])["mean"][baseline, "share"]
    lines = [f"{share:.2f} of the heat of {baseline} lies on the object"]
    rows = differences[differences["measure"] == "share"]
    if len(rows):
        lines.append("difference to it: " + ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows()))
    controls = means[(means["measure"] == "share") & ~means["network"].isin([baseline, *rows["network"]])]
    if len(controls):
        lines.append("controls: " + ", ".join(f"{row['network']} {row['mean']:.2f}" for _, row in controls.iterrows()))
    return ";\n".join(lines)


def of_traits(table: pd.DataFrame, baseline: str) -> str:
    """Where networks have more heat on the object than the baseline; columns network, trait, third, mean, low, high.

    A trait is named only if the intervals of its lowest and highest third do not overlap.
    """
    clear = []
    for (network, trait), own in table.groupby(["network", "trait"], sort=False):
        first, last = own.iloc[0], own.iloc[-1]
        if last["low"] > first["high"] or last["high"] < first["low"]:
            clear.append(f"{network} with {'high' if last['mean'] > first['mean'] else 'low'} {trait}")
    start = f"Heat on the object, less that of {baseline}:"
    return f"{start}\n" + (f"more for {', '.join(clear)}" if clear else "no trait makes a clear difference")


def of_forgetting(table: pd.DataFrame) -> str:
    """How alike maps stay without the classifier, and without anything learned; columns network, forgotten, step, mean.

    ``Without fc the maps stay (rank correlation 0.97 to 0.99); without anything learned they change (0.10 to 0.25)``.
    """
    steps = table.sort_values("step").groupby("network", sort=False)
    first, last = steps["mean"].first(), steps["mean"].last()
    part = table.sort_values("step")["forgotten"].iloc[0]

    def told(values: "pd.Series[float]") -> str:
        verb = "stay" if values.min() > 0.8 else "change" if values.max() < ALIKE else "change in part"
        low, high = f"{values.min():.2f}", f"{values.max():.2f}"
        return f"{verb} (rank correlation {low}" + (f" to {high})" if high != low else ")")

    return f"Without {part} the maps {told(first)};\nwithout anything learned they {told(last)}"


def of_faithfulness(differences: pd.DataFrame) -> str:
    """Areas under the curves, map less random map; columns network, measure (deletion, insertion), mean, low, high."""
    told = []
    for measure, better in (("deletion", "lower"), ("insertion", "higher")):
        rows = differences[differences["measure"] == measure]
        each = ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())
        told.append(f"{measure}, map less random map ({better} is better): {each}")
    return "\n".join(told)
