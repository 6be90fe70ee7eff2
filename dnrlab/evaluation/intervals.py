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
from scipy.stats import bootstrap, norm, t

LEVEL = 0.95
POWER = 0.8
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
    known, sums, counts = in_clusters(values, sources)
    mean = float(known.mean()) if len(known) else np.nan
    if len(sums) < 2:
        return Interval(mean, np.nan, np.nan, len(known))
    low = high = mean
    if known.min() < known.max():  # SciPy warns of values that are all the same
        options = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "percentile", "paired": True}
        rng = np.random.default_rng(seed)
        low, high = bootstrap((sums, counts), ratio, rng=rng, vectorized=True, **options).confidence_interval
    return Interval(mean, float(low), float(high), len(known))


def in_clusters(
    values: ArrayLike, sources: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The values that are not nan, and the sum and number of those of each source; None: each is its own source."""
    known = np.asarray(values, dtype=float).ravel()
    names = np.arange(len(known)) if sources is None else pd.factorize(np.asarray(sources).ravel())[0]
    names, known = names[~np.isnan(known)], known[~np.isnan(known)]
    clusters = np.unique(names, return_inverse=True)[1]
    return known, np.bincount(clusters, weights=known).astype(float), np.bincount(clusters).astype(float)


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


def standard_error(values: ArrayLike, sources: ArrayLike | None = None) -> float:
    """The standard error of the mean of ``mean_interval``; nan for fewer than two sources.

    That of a ratio of sums over clusters; with every video its own source the textbook's, s / sqrt(n).
    Source: Cochran, "Sampling techniques", 1977, Sec. 6.
    """
    known, sums, counts = in_clusters(values, sources)
    if len(sums) < 2:
        return float("nan")
    left = sums - known.mean() * counts
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (left**2).sum()) / len(known))


def smallest_difference(differences: ArrayLike, sources: ArrayLike | None = None) -> float:
    """The smallest true mean of such differences that these videos would show, in four of five draws of them.

    That is with a power of 80 % at the 5 % level, (1.96 + 0.84) standard errors. Where a network is right and another
    wrong in 30 of 400 videos, the reverse in 10, and both do alike in the others, the standard error is 0.0156, and the
    smallest difference 0.044. It says what the set can tell of two networks that differ in as many videos as these.
    Source: Bloom, "Minimum detectable effects", Evaluation Review 1995.

    Returns: the difference, in units of the values; nan if no two differences differ, or there are fewer than two
    sources.
    """
    error = standard_error(differences, sources)
    return float((norm.ppf(0.5 + LEVEL / 2) + norm.ppf(POWER)) * error) if error > 0 else float("nan")


def run_interval(values: ArrayLike) -> Interval:
    """The mean of one value a run, and the t interval of what other runs would give; nan values are left out.

    Accuracies 0.4, 0.5 and 0.6 have mean 0.5, deviation 0.1 and, at two degrees of freedom, the interval
    0.5 ± 4.303 * 0.1 / sqrt(3), 0.252 to 0.748. It may reach beyond 0 and 1. Source: Student, Biometrika 1908.
    """
    known = np.asarray(values, dtype=float).ravel()
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan, len(known))
    half = t.ppf(0.5 + LEVEL / 2, len(known) - 1) * standard_error(known)
    return Interval(float(known.mean()), float(known.mean() - half), float(known.mean() + half), len(known))


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


def format_interval(interval: Interval, digits: int = 2) -> str:
    """``0.50 [0.35, 0.65]``; without bounds the mean alone."""
    mean = f"{interval.mean:.{digits}f}"
    return mean if np.isnan(interval.low) else f"{mean} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
