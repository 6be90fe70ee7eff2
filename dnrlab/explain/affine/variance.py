"""Where gamma and beta vary: with the place in the relay, within clips, between clips of a class, between classes.

Variance components of a nested analysis of variance with a crossed factor, the frame group: what is estimated is the
population's variance, so that few clips a class do not look like classes that differ.
Source: Searle, Casella and McCulloch, "Variance components", 1992, analysis of variance estimators.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.explain.affine.record import Affine

PARTS = ("place", "within_clips", "between_clips", "between_classes")


STILL = 1e-12  # variance; gamma and beta that vary less are constant but for rounding


def parts_of_variance(values: NDArray[np.floating], labels: Sequence[str]) -> dict[str, float]:
    """Variance components of ``values`` (N, C, G), mean over the channels; negative estimates become 0.

    ``place``: of the frame groups, the same in all clips (a relay starts from zero, so that its first group differs);
    ``within_clips``: of what remains within a clip; ``between_clips``: of the clips of a class; ``between_classes``.

    Raises: ValueError if no class has two clips: clips and classes could not be told apart.
    """
    exact = np.asarray(values, dtype=float)
    num_clips, _, groups = exact.shape
    classes, index, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if counts.max() < 2:
        raise ValueError("expected two clips of a class at least, got one of each; measure more videos")
    of_groups, grand = exact.mean(axis=0, keepdims=True), exact.mean(axis=(0, 2), keepdims=True)
    exact = exact - of_groups + grand
    of_clips = exact.mean(axis=2)  # (N, C)
    of_classes = np.stack([of_clips[index == number].mean(axis=0) for number in range(len(classes))])  # (classes, C)
    within = mean_square(exact - of_clips[:, :, None], (num_clips - 1) * (groups - 1))
    between = groups * mean_square(of_clips - of_classes[index], num_clips - len(classes))
    apart = groups * mean_square(of_classes[index] - of_clips.mean(axis=0), len(classes) - 1)
    place = num_clips * mean_square(of_groups - grand, groups - 1)
    clips_a_class = (num_clips - (counts**2).sum() / num_clips) / max(len(classes) - 1, 1)
    components = {
        "place": (place - within) / num_clips,
        "within_clips": within,
        "between_clips": (between - within) / groups,
        "between_classes": (apart - between) / (groups * clips_a_class) if len(classes) > 1 else 0.0,
    }
    return {part: max(value, 0.0) for part, value in components.items()}


def mean_square(values: NDArray[np.floating], degrees: int) -> float:
    """The sum of squares over all but the channels (axis 1) by the degrees of freedom, mean over the channels."""
    return float(np.square(values).sum() / values.shape[1] / degrees) if degrees > 0 else 0.0


def variance_table(affine: Mapping[tuple[str, str], Affine], labels: Sequence[str]) -> pd.DataFrame:
    """Layer, kind, name (gamma, beta), total variance, and the share of each of ``PARTS`` in it (nan of nothing)."""
    rows = []
    for (layer, kind), own in affine.items():
        for name, values in own._asdict().items():
            parts = parts_of_variance(values, labels)
            total = sum(parts.values())
            shares = {part: value / total if total > STILL else np.nan for part, value in parts.items()}
            rows.append({"layer": layer, "kind": kind, "name": name, "total": total, **shares})
    return pd.DataFrame(rows)
