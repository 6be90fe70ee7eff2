"""Ablations of DNR: variants of the paper's setting with one setting changed, grouped by question."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from dnrlab.evaluation.intervals import run_interval
from dnrlab.experiments.sweep import MEASURES, summarize
from dnrlab.recipes.config import Recipe
from dnrlab.relay import DNRConfig
from dnrlab.relay.config import PAPER


class Variant(NamedTuple):
    """A variant of the network."""

    dnr: DNRConfig | None  # None is batch norm
    interlacing: bool | None  # None: with DNR only, if the network has no shift of its own
    label: str  # for figures and tables


BASELINE = Variant(None, False, "batch norm")  # gains are relative to this variant


DNR = Variant(PAPER, None, "DNR")


def cross_temporal(direction: str, relay_distance: int) -> Variant:
    """Cross-temporal DNR without cross-layer DNR and interlacing, as in the paper's table."""
    dnr = DNRConfig(where="temporal", direction=direction, relay_distance=relay_distance)
    groups = "groups of 1 frame" if relay_distance == 1 else f"groups of {relay_distance} frames"
    return Variant(dnr, False, f"{direction.replace('_', ', ')}, {groups}")


QUESTIONS: dict[str, dict[str, Variant]] = {
    "direction": {
        f"{direction}_{distance}": cross_temporal(direction, distance)
        for distance in (2, 4)
        for direction in ("uni", "bi")
    },
    "shared": {
        f"{direction}_{distance}": cross_temporal(direction, distance)
        for distance in (2, 4)
        for direction in ("bi", "bi_shared")
    },
    "where": {
        "dnr": DNR,
        "temporal": Variant(DNRConfig(where="temporal"), None, "cross-temporal only"),
        "layer": Variant(DNRConfig(where="layer"), None, "cross-layer only"),
    },
    "reduction": {
        "r2": Variant(DNRConfig(reduction=2), None, "reduction r = 2"),
        "dnr": DNR,
        "r8": Variant(DNRConfig(reduction=8), None, "reduction r = 8"),
    },
    "depth": {"dnr": DNR, "d2": Variant(DNRConfig(depth=2), None, "depth d = 2")},
    "interlacing": {
        "bn_interlaced": Variant(None, True, "batch norm, interlaced"),
        "relay": Variant(PAPER, False, "DNR, not interlaced"),
        "dnr": DNR,
    },
    "statistics": {
        "dnr": DNR,
        "clip_statistics": Variant(DNRConfig(statistics="clip"), None, "statistics of the clip"),
    },
}


def variants(groups: Sequence[str]) -> dict[str, Variant]:
    """The variants of some questions by name, each once, after ``bn``.

    ``dnr`` is the paper's setting. The other variants change one setting of it, except in the questions ``direction``
    and ``shared``, which are about cross-temporal DNR alone.

    Raises: ValueError if a question is unknown (it lists the known questions).
    """
    unknown = [group for group in groups if group not in QUESTIONS]
    if unknown or not groups:
        raise ValueError(
            f"expected groups among {', '.join(QUESTIONS)}, got {', '.join(unknown) or 'none'}; choose at least one"
        )
    return {"bn": BASELINE} | {name: each for group in groups for name, each in QUESTIONS[group].items()}


def varied(recipe: Recipe, chosen: Mapping[str, Variant]) -> dict[str, Recipe]:
    """One recipe per variant."""
    models = {name: replace(recipe.model, dnr=each.dnr, interlacing=each.interlacing) for name, each in chosen.items()}
    return {name: replace(recipe, model=model) for name, model in models.items()}


def with_gains(table: pd.DataFrame) -> pd.DataFrame:
    """The table of ``sweep`` with a column ``gain``: top-1 minus the top-1 of ``bn`` with the same seed and fold."""
    same = [name for name in ("seed", "fold") if name in table]
    baseline = table[same].merge(table[table["name"] == "bn"], how="left", on=same)["top1"]
    return table.assign(gain=table["top1"] - baseline.to_numpy())


def summarize_gains(gained: pd.DataFrame) -> pd.DataFrame:
    """``summarize`` of the table of ``with_gains``, with gain_low and gain_high: the 95 % interval over the seeds."""
    summary = summarize(gained, measures=(*MEASURES, "gain"))
    intervals = [run_interval(own["gain"]) for _, own in gained.groupby("name", sort=False)]
    return summary.assign(gain_low=[each.low for each in intervals], gain_high=[each.high for each in intervals])


def beside_paper(summary: pd.DataFrame, chosen: Mapping[str, Variant], published: pd.DataFrame) -> pd.DataFrame:
    """A summary with a label, and the paper's results where the paper has the variant.

    Args:
        summary: one row per variant, with its ``name``.
        published: columns direction, relay_distance, top1 and top5 in percent; see ``relay_direction``.

    Returns: the summary with columns label, paper_top1, paper_top5 and paper_gain. The paper's results are in [0, 1]
        like the measured ones, and nan where the paper has none.
    """
    numbers = published.set_index(["direction", "relay_distance"])[["top1", "top5"]] / 100
    known = {
        BASELINE if direction == "none" else cross_temporal(str(direction), int(distance)): row
        for (direction, distance), row in numbers.iterrows()
    }
    rows = [known.get(chosen[name]) for name in summary["name"]]
    top1, top5 = ([float("nan") if row is None else row[name] for row in rows] for name in ("top1", "top5"))
    labels = [chosen[name].label for name in summary["name"]]
    gains = pd.Series(top1, summary.index) - numbers["top1"]["none", 0]
    return summary.assign(label=labels, paper_top1=top1, paper_top5=top5, paper_gain=gains)
