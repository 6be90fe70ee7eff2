"""How uncertain a mean over videos is: bootstrap intervals of means, and of differences of pairs and of groups.

Videos of one source (a scene filmed in all classes, a person, a film) are not independent, so they are drawn together.
Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, percentile intervals; for whole clusters, Field
and Welsh, "Bootstrapping clustered data", JRSS B 2007. SciPy computes them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit  # quantiles; scipy.stats takes a second and a half to load

LEVEL = 0.95
POWER = 0.8
RESAMPLES = 2000
MIN_SOURCES = 10  # fewer scenes are too few for an interval


class Interval(NamedTuple):
    """A mean and the bounds of its 95 % interval. The bounds are nan for too few values."""

    mean: float
    low: float
    high: float
    n: int  # number of values


def mean_interval(values: ArrayLike, sources: ArrayLike | None = None, *, seed: int = 0) -> Interval:
    """The mean of one value per video, resampled over the videos or over their sources. Values of nan are left out.

    Twenty zeros and twenty ones have mean 0.5 and an interval of about 0.35 to 0.65.

    Args:
        values: one per video.
        sources: the source of each video, as names of any kind. None treats every video as independent.
    """
    known, sums, counts = in_clusters(values, sources)
    mean = float(known.mean()) if len(known) else np.nan
    if len(sums) < 2:
        return Interval(mean, np.nan, np.nan, len(known))
    from scipy.stats import bootstrap

    low = high = mean
    if known.min() < known.max():  # SciPy warns if all values are equal
        options = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "percentile", "paired": True}
        rng = np.random.default_rng(seed)
        low, high = bootstrap((sums, counts), ratio, rng=rng, vectorized=True, **options).confidence_interval
    # Where all sources have one mean, rounding can put the mean just outside; error bars must not be negative.
    return Interval(mean, min(float(low), mean), max(float(high), mean), len(known))


def in_clusters(
    values: ArrayLike, sources: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The values that are not nan, and their sum and number per source. Without sources each value is its own."""
    known = np.asarray(values, dtype=float).ravel()
    names = np.arange(len(known)) if sources is None else pd.factorize(np.asarray(sources).ravel())[0]
    names, known = names[~np.isnan(known)], known[~np.isnan(known)]
    clusters = np.unique(names, return_inverse=True)[1]
    return known, np.bincount(clusters, weights=known).astype(float), np.bincount(clusters).astype(float)


def ratio(sums: NDArray[np.floating], counts: NDArray[np.floating], axis: int = -1) -> NDArray[np.floating]:
    """The mean of all values, from the sums and counts of the clusters along ``axis``."""
    return np.asarray(sums.sum(axis=axis) / counts.sum(axis=axis))


def paired_difference(
    baseline: ArrayLike, other: ArrayLike, sources: ArrayLike | None = None, *, seed: int = 0
) -> Interval:
    """The mean of ``other - baseline`` over the videos.

    Its interval is much narrower than two separate intervals where videos differ more than networks do.

    Raises: ValueError if the numbers of values differ.
    """
    first, second = np.asarray(baseline, dtype=float), np.asarray(other, dtype=float)
    if first.shape != second.shape:
        raise ValueError(
            f"expected one value per video of both, got {first.shape} for baseline and {second.shape} for other; "
            "compare results of one split"
        )
    return mean_interval(second - first, sources, seed=seed)


def group_difference(
    values: ArrayLike, first: ArrayLike, sources: ArrayLike | None = None, *, seed: int = 0
) -> Interval:
    """The mean over one group of videos minus the mean over the others, resampled over the videos or their sources.

    100 values with standard deviation 0.5 minus 100 others with the same: the standard error is
    sqrt(0.0025 + 0.0025) = 0.071, so the interval reaches about 0.139 to either side.

    Args:
        values: one per video.
        first: whether each video is in the first group.
        sources: the source of each video; a source can be in both groups. None treats every video as independent.

    Returns: n is the number of values. Values of nan are left out. The bounds are nan if a group has fewer than
        ``MIN_SOURCES`` sources, or so few of all that a resample has none of them.

    Raises: ValueError if the numbers of values differ, or a group is empty.
    """
    known, chosen = np.asarray(values, dtype=float).ravel(), np.asarray(first, dtype=bool).ravel()
    names = np.arange(len(known)) if sources is None else pd.factorize(np.asarray(sources).ravel())[0]
    if not len(known) == len(chosen) == len(names):
        raise ValueError(
            f"expected one group and one source per value, got {len(known)} values, {len(chosen)} groups and "
            f"{len(names)} sources; take them from one table"
        )
    names, chosen, known = (each[~np.isnan(known)] for each in (names, chosen, known))
    if chosen.all() or not chosen.any():
        raise ValueError(
            f"expected known values in both groups, got {chosen.sum()} of {len(chosen)} in the first; change first"
        )
    mean = float(known[chosen].mean() - known[~chosen].mean())
    clusters = np.unique(names, return_inverse=True)[1]
    samples = [np.bincount(clusters, weights=part) for part in (known * chosen, chosen, known * ~chosen, ~chosen)]
    if min(np.count_nonzero(samples[1]), np.count_nonzero(samples[3])) < MIN_SOURCES:
        return Interval(mean, np.nan, np.nan, len(known))
    from scipy.stats import bootstrap

    options = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "percentile", "paired": True}
    rng = np.random.default_rng(seed)
    low, high = bootstrap(samples, ratio_difference, rng=rng, vectorized=True, **options).confidence_interval
    return Interval(mean, min(float(low), mean), max(float(high), mean), len(known))


def ratio_difference(*sums_and_counts: NDArray[np.floating], axis: int = -1) -> NDArray[np.floating]:
    """The ratio of the first two sums along ``axis`` minus that of the other two."""
    sum_first, count_first, sum_second, count_second = (each.sum(axis=axis) for each in sums_and_counts)
    return np.asarray(sum_first / count_first - sum_second / count_second)


def standard_error(values: ArrayLike, sources: ArrayLike | None = None) -> float:
    """The standard error of the mean of ``mean_interval``. It is nan for fewer than two sources.

    It is the standard error of a ratio of sums over clusters. If every video is its own source, it is s / sqrt(n).
    Source: Cochran, "Sampling techniques", 1977, Sec. 6.
    """
    known, sums, counts = in_clusters(values, sources)
    if len(sums) < 2:
        return float("nan")
    residuals = sums - known.mean() * counts
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (residuals**2).sum()) / len(known))


def smallest_difference(differences: ArrayLike, sources: ArrayLike | None = None) -> float:
    """The smallest true mean difference that as many videos would detect in four of five samples.

    This is a power of 80 % at the 5 % level: (1.96 + 0.84) standard errors. Example: of 400 videos, 30 are right only
    by the first network, 10 only by the second, and the others are right or wrong by both. The standard error is
    0.0156 and the smallest difference is 0.044. It holds for two networks that disagree on as many videos as these.
    Source: Bloom, "Minimum detectable effects", Evaluation Review 1995.

    Returns: the difference, in units of the values. It is nan if all differences are equal or there are fewer than two
        sources.
    """
    error = standard_error(differences, sources)
    return float((ndtri(0.5 + LEVEL / 2) + ndtri(POWER)) * error) if error > 0 else float("nan")


def smallest_run_difference(differences: ArrayLike) -> float:
    """The smallest true mean difference that as many pairs of runs would detect in four of five repetitions.

    As ``smallest_difference``, with Student's t over the runs. Differences 0.1, 0.2 and 0.3 have a standard error of
    0.0577; with two degrees of freedom the smallest is (4.303 + 1.061) * 0.0577 = 0.310.
    Source: Bloom, "Minimum detectable effects", Evaluation Review 1995.

    Returns: the difference, in units of the values. It is nan if all differences are equal or there are fewer than two
        runs.
    """
    known = np.asarray(differences, dtype=float).ravel()
    if len(known) < 2 or np.allclose(known, known[0], rtol=0, atol=1e-12):
        return float("nan")
    free = len(known) - 1
    return float((stdtrit(free, 0.5 + LEVEL / 2) + stdtrit(free, POWER)) * standard_error(known))


def run_interval(values: ArrayLike) -> Interval:
    """The mean of one value per run, and its t interval over the runs. Values of nan are left out.

    Accuracies 0.4, 0.5 and 0.6 have mean 0.5 and standard deviation 0.1. With two degrees of freedom the interval is
    0.5 ± 4.303 * 0.1 / sqrt(3), which is 0.252 to 0.748. It may extend below 0 and above 1.
    Source: Student, Biometrika 1908.
    """
    known = np.asarray(values, dtype=float).ravel()
    known = known[~np.isnan(known)]
    if len(known) < 2:
        return Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan, len(known))
    half = stdtrit(len(known) - 1, 0.5 + LEVEL / 2) * standard_error(known)
    return Interval(float(known.mean()), float(known.mean() - half), float(known.mean() + half), len(known))


def intervals_of(table: pd.DataFrame, by: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """Mean and interval of some columns in each group of rows, in the order of their first row.

    Rows with the same value in a column ``source`` are drawn together.

    Returns: columns ``by``, measure, mean, low, high, n; one row per group and measure.
    """
    rows = []
    for key, group in table.groupby(list(by), sort=False):
        for measure in measures:
            interval = mean_interval(group[measure], group.get("source"))._asdict()
            rows.append({**dict(zip(by, key, strict=True)), "measure": measure, **interval})
    return pd.DataFrame(rows, columns=[*by, "measure", *Interval._fields])


def differences_to(table: pd.DataFrame, measures: Sequence[str], baseline: str) -> pd.DataFrame:
    """The rows of all networks except the baseline, minus the baseline's values for the same video (column ``row``)."""
    reference = table[table["network"] == baseline].set_index("row")
    others = table[table["network"] != baseline]
    return others.assign(**{name: others[name] - others["row"].map(reference[name]) for name in measures})


def differences_of(table: pd.DataFrame, measures: Sequence[str], *, baseline: str) -> pd.DataFrame:
    """Each other network minus the baseline, paired by video. Returns: network, measure, mean, low, high, n."""
    return intervals_of(differences_to(table, measures, baseline), ["network"], measures)
