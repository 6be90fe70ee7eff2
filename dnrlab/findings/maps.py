"""Sentences about heat maps, and about what networks see."""

from collections.abc import Mapping

import pandas as pd

from dnrlab.findings.words import beyond, listed

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
    """How much of the baseline's heat is on the object, and how much more of the others', beyond the interval.

    ``means`` and ``differences`` have columns network, measure, mean, low, high, as of ``dnrlab.evaluation.intervals``.
    """
    share = means.set_index(["network", "measure"])["mean"][baseline, "share"]
    start = f"{share:.2f} of the heat of {baseline} lies on the object"
    rows = differences[differences["measure"] == "share"]
    if rows.empty:
        return start
    return f"{start};\ndifference to it: " + ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())


def of_traits(table: pd.DataFrame) -> str:
    """The trait by whose thirds the heat on objects differs most; columns network, trait, third, mean."""
    ends = table.groupby(["network", "trait"], sort=False)["mean"].agg(["first", "last"])
    change = (ends["last"] - ends["first"]).groupby("trait", sort=False).mean()
    trait = change.abs().idxmax()
    verb = "rises" if change[trait] > 0 else "falls"
    return (
        f"Heat on the object {verb} with its {trait}:\n{change[trait]:+.2f} times chance from the low third to the high"
    )


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
    """How much sooner a map deletes the class than a random one; columns network, measure, mean, low, high."""
    rows = differences[differences["measure"] == "deletion"]
    each = ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())
    return f"Deletion: area under the curve, map less random map (lower is better):\n{each}"


def of_reversal(table: pd.DataFrame) -> str:
    """Which networks say the same backwards; columns network, order, measure (same), mean."""
    rows = table[(table["order"] == "backwards") & (table["measure"] == "same")].set_index("network")["mean"]
    each = ", ".join(f"{name} in {share:.2f}" for name, share in rows.items())
    return f"Played backwards, a video is told as before by\n{each} of the cases"
