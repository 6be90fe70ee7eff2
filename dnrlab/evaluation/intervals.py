"""How sure a mean over videos is: bootstrap intervals, alone and of paired differences.

Videos of one source (a scene filmed in all classes, a person, a film) are not independent, and are drawn together.
Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, percentile intervals; of whole clusters as in
Field and Welsh, "Bootstrapping clustered data", JRSS B 2007. Computed by SciPy.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

LEVEL = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean, and the bounds of its 95 % interval; the bounds are nan for fewer than two values."""

    mean: float
    low: float
    high: float
    n: int  # values


def mean_interval(values: ArrayLike, sources: ArrayLike | None = None, *, seed: int = 0) -> Interval:
    """The mean of one value a video, resampled over the videos, or over their sources; nan values are left out.

    Twenty zeros and twenty ones have mean 0.5 and an interval of about 0.35 to 0.65.

    Args:
        values: one a video.
        sources: of each video, names of any kind; None takes every video for independent.
    """
    known = np.asarray(values, dtype=float).ravel()
    names = np.arange(len(known)) if sources is None else pd.factorize(np.asarray(sources).ravel())[0]
    names, known = names[~np.isnan(known)], known[~np.isnan(known)]
    clusters = np.unique(names, return_inverse=True)[1]
    sums, counts = np.bincount(clusters, weights=known), np.bincount(clusters)
    mean = float(known.mean()) if len(known) else np.nan
    if len(sums) < 2:
        return Interval(mean, np.nan, np.nan, len(known))
    low = high = mean
    if known.min() < known.max():  # SciPy warns of values that are all the same
        options = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "percentile", "paired": True}
        rng = np.random.default_rng(seed)
        low, high = bootstrap((sums, counts), ratio, rng=rng, vectorized=True, **options).confidence_interval
    return Interval(mean, float(low), float(high), len(known))


def ratio(sums: NDArray[np.floating], counts: NDArray[np.floating], axis: int = -1) -> NDArray[np.floating]:
    """The mean of all values, from sums and counts of the clusters along ``axis``."""
    return np.asarray(sums.sum(axis=axis) / counts.sum(axis=axis))


def paired_difference(
    baseline: ArrayLike, other: ArrayLike, sources: ArrayLike | None = None, *, seed: int = 0
) -> Interval:
    """The mean of ``other - baseline``, video by video: much narrower than two intervals where videos differ more.

    Raises: ValueError if the numbers of values differ.
    """
    first, second = np.asarray(baseline, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape:
        raise ValueError(f"expected a value a video of both, got {first.shape} and {second.shape}; compare one split")
    return mean_interval(second - first, sources, seed=seed)


def intervals_of(table: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Mean and interval of some columns in each group of rows, in the order of their first row.

    A column ``source`` says which rows belong together.
    Returns: the columns ``by``, measure, mean, low, high, n; a row a group and measure.
    """
    rows = []
    for key, group in table.groupby(list(by), sort=False):
        for measure in measures:
            found = mean_interval(group[measure], group.get("source"))._asdict()
            rows.append({**dict(zip(by, key, strict=True)), "measure": measure, **found})
    return pd.DataFrame(rows, columns=[*by, "measure", *Interval._fields])


def differences_to(table: pd.DataFrame, measures: Sequence[str], baseline: str) -> pd.DataFrame:
    """The rows of all networks but the baseline, with its value of the same video (column ``row``) taken from each."""
    own = table[table["network"] == baseline].set_index("row")
    others = table[table["network"] != baseline]
    return others.assign(**{name: others[name] - others["row"].map(own[name]) for name in measures})


def differences_of(table: pd.DataFrame, measures: Sequence[str], *, baseline: str) -> pd.DataFrame:
    """Every other network less the baseline, video by video. Returns: network, measure, mean, low, high, n."""
    return intervals_of(differences_to(table, measures, baseline), ["network"], measures)


def said(interval: Interval, digits: int = 2) -> str:
    """``0.50 [0.35, 0.65]``; without bounds the mean alone."""
    mean = f"{interval.mean:.{digits}f}"
    return mean if np.isnan(interval.low) else f"{mean} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
