"""Tables of a survey of heat maps, as the figures take them."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from dnrlab.evaluation.intervals import differences_of, differences_to, intervals_of
from dnrlab.explain.cam.objects import TRAITS

CURVES = ("deletion", "insertion", "random_deletion", "random_insertion")


def by_traits(table: pd.DataFrame, measure: str, baseline: str) -> pd.DataFrame:
    """The differences of networks from the baseline in one measure, in thirds of the videos by each trait.

    If there is no other network, the values are the baseline's own. Thirds go from low to high. A trait that is the
    same in all videos, or unknown in all, is left out.

    Returns: columns network, trait, third (its bounds), measure, mean, low, high, n.
    """
    others = table["network"].nunique() > 1
    compared = differences_to(table, [measure], baseline) if others else table
    parts = []
    for trait in TRAITS:
        known = compared.assign(trait=trait, third=thirds(compared[trait])).dropna(subset="third")
        known = known.sort_values("third", kind="stable").astype({"third": str})
        parts.append(intervals_of(known, ["network", "trait", "third"], [measure]))
    return pd.concat(parts, ignore_index=True)


def thirds(values: "pd.Series[float]") -> "pd.Series[Any]":
    """The third of the known values that each value lies in, named by its bounds. nan stays nan.

    1, 2, …, 6 lie in ``1.00–2.67``, ``2.67–4.33`` and ``4.33–6.00``. There are fewer parts if many values are equal. If
    all values are equal, all results are nan.
    """
    if values.nunique() < 2:
        return pd.Series(np.nan, index=values.index)
    _, edges = pd.qcut(values, 3, retbins=True, duplicates="drop")
    digits = max(2, int(np.ceil(-np.log10(np.diff(edges).min()))) + 1)
    names = [f"{low:.{digits}f}–{high:.{digits}f}" for low, high in pairwise(edges)]
    return pd.cut(values, edges, labels=names, include_lowest=True)


def over_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Deletion and insertion curves. Returns: columns network, curve, share (of the pixels), mean, low, high, n."""
    columns = {name: name.rsplit("_", 1) for name in table if name.rsplit("_", 1)[0] in CURVES and name[-1].isdigit()}
    steps = max(int(step) for _, step in columns.values())
    long = intervals_of(table, ["network"], list(columns))
    curve, step = zip(*(columns[name] for name in long["measure"]), strict=True)
    return long.assign(curve=curve, share=np.array(step, dtype=int) / steps)


def against_random(table: pd.DataFrame) -> pd.DataFrame:
    """Areas under the curves of maps minus those of random maps, paired by video.

    Returns: columns network, measure (deletion, insertion), mean, low, high, n.
    """
    parts = []
    for kind in ("deletion", "insertion"):
        for name, own in table.groupby("network", sort=False):
            pairs = [own.assign(network="random", value=own[f"random_{kind}"]), own.assign(value=own[kind])]
            found = differences_of(pd.concat(pairs), ["value"], baseline="random")
            parts.append(found.assign(network=name, measure=kind))
    return pd.concat(parts, ignore_index=True)
