"""How sure a mean over videos is: bootstrap intervals, alone and of paired differences.

Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, percentile intervals; computed by SciPy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import bootstrap

LEVEL = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean, and the bounds of its 95 % interval; the bounds are nan for fewer than two values."""

    mean: float
    low: float
    high: float
    n: int  # values


def mean_interval(values: ArrayLike, *, seed: int = 0) -> Interval:
    """The mean of one value a video, resampled over the videos; values that are nan are left out.

    Twenty zeros and twenty ones have mean 0.5 and an interval of about 0.35 to 0.65.
    """
    known = np.asarray(values, dtype=float).ravel()
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return Interval(float(known[0]) if len(known) else np.nan, np.nan, np.nan, len(known))
    low, high = known.min(), known.max()
    if low < high:  # SciPy warns of values that are all the same
        options = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "percentile"}
        low, high = bootstrap((known,), np.mean, rng=np.random.default_rng(seed), **options).confidence_interval
    return Interval(float(known.mean()), float(low), float(high), len(known))


def paired_difference(baseline: ArrayLike, other: ArrayLike, *, seed: int = 0) -> Interval:
    """The mean of ``other - baseline``, video by video: much narrower than two intervals where videos differ more.

    Raises: ValueError if the numbers of values differ.
    """
    first, second = np.asarray(baseline, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape:
        raise ValueError(f"expected a value a video of both, got {first.shape} and {second.shape}; compare one split")
    return mean_interval(second - first, seed=seed)


def intervals_of(table: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Mean and interval of some columns in each group of rows, in the order of their first row.

    Returns: the columns ``by``, measure, mean, low, high, n; a row a group and measure.
    """
    rows = []
    for key, group in table.groupby(list(by), sort=False):
        for measure in measures:
            found = mean_interval(group[measure])._asdict()
            rows.append({**dict(zip(by, key, strict=True)), "measure": measure, **found})
    return pd.DataFrame(rows)


def differences_of(table: pd.DataFrame, measures: Sequence[str], *, baseline: str) -> pd.DataFrame:
    """Every other network less the baseline, video by video, where both have a value.

    ``table`` has a row a video (column ``row``) and network. Returns: network, measure, mean, low, high, n.
    """
    rows = []
    for measure in measures:
        wide = table.pivot(index="row", columns="network", values=measure)
        for name in (each for each in table["network"].unique() if each != baseline):
            rows.append(
                {"network": name, "measure": measure, **paired_difference(wide[baseline], wide[name])._asdict()}
            )
    return pd.DataFrame(rows, columns=["network", "measure", *Interval._fields])


def said(interval: Interval, digits: int = 2) -> str:
    """``0.50 [0.35, 0.65]``; without bounds the mean alone."""
    mean = f"{interval.mean:.{digits}f}"
    return mean if np.isnan(interval.low) else f"{mean} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
