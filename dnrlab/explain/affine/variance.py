"""Where gamma and beta vary: with the position in the relay, within clips, between clips of a class, between classes.

Variance components of a nested analysis of variance with a crossed factor, the frame group. The estimates are those of
the population's variance, so classes with few clips do not seem to differ more than they do.
Source: Searle, Casella and McCulloch, "Variance components", 1992, analysis of variance estimators.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.explain.affine.record import Affine

PARTS = ("position", "within_clips", "between_clips", "between_classes")


STILL = 1e-12  # variance; below it gamma and beta vary by rounding only


def parts_of_variance(values: NDArray[np.floating], labels: Sequence[str]) -> dict[str, float]:
    """Variance components of ``values`` (N, C, G), mean over the channels; negative estimates become 0.

    ``position``: between frame groups, the same in all clips (the relay starts from zero, so its first group differs).
    ``within_clips``: what remains within a clip. ``between_clips``: between clips of a class. ``between_classes``.

    Raises: ValueError if no class has two clips: clips and classes could not be separated.
    """
    exact = np.asarray(values, dtype=float)
    num_clips, _, groups = exact.shape
    classes, index, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if counts.max() < 2:
        raise ValueError("expected at least one class with two clips, got one clip per class; measure more videos")
    of_groups, grand = exact.mean(axis=0, keepdims=True), exact.mean(axis=(0, 2), keepdims=True)
    exact = exact - of_groups + grand
    of_clips = exact.mean(axis=2)  # (N, C)
    of_classes = np.stack([of_clips[index == each].mean(axis=0) for each in range(len(classes))])  # (classes, C)
    within = mean_square(exact - of_clips[:, :, None], (num_clips - 1) * (groups - 1))
    between = groups * mean_square(of_clips - of_classes[index], num_clips - len(classes))
    apart = groups * mean_square(of_classes[index] - of_clips.mean(axis=0), len(classes) - 1)
    position = num_clips * mean_square(of_groups - grand, groups - 1)
    clips_per_class = (num_clips - (counts**2).sum() / num_clips) / max(len(classes) - 1, 1)
    components = {
        "position": (position - within) / num_clips,
        "within_clips": within,
        "between_clips": (between - within) / groups,
        "between_classes": (apart - between) / (groups * clips_per_class) if len(classes) > 1 else 0.0,
    }
    return {part: max(value, 0.0) for part, value in components.items()}


def mean_square(values: NDArray[np.floating], degrees: int) -> float:
    """The sum of squares over all axes except the channels (axis 1), divided by the degrees of freedom: mean over C."""
    return float(np.square(values).sum() / values.shape[1] / degrees) if degrees > 0 else 0.0


def variance_table(affine: Mapping[tuple[str, str], Affine], labels: Sequence[str]) -> pd.DataFrame:
    """Layer, kind, name (gamma, beta), total variance, and the share of each of ``PARTS`` in it (nan if it is 0)."""
    rows = []
    for (layer, kind), own in affine.items():
        for name, values in own._asdict().items():
            parts = parts_of_variance(values, labels)
            total = sum(parts.values())
            shares = {part: value / total if total > STILL else np.nan for part, value in parts.items()}
            rows.append({"layer": layer, "kind": kind, "name": name, "total": total, **shares})
    return pd.DataFrame(rows)
