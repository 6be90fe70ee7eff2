"""Where gamma and beta vary: within clips, between clips of a class, between classes.

A nested analysis of variance: the three sums of squares add up to the total, whatever the numbers of clips.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.explain.dynamics import Affine

PARTS = ("within_clips", "between_clips", "between_classes")


def parts_of_variance(values: NDArray[np.floating], labels: Sequence[str]) -> dict[str, float]:
    """Variance of ``values`` (N, C, G), mean over the channels, in three parts that add up to it.

    ``within_clips``: over the frame groups of a clip; ``between_clips``: of the clips' means within a class;
    ``between_classes``: of the classes' means. Two clips of a class with values 0, 2 and 4, 6: 1 within, 4 between.
    """
    exact = np.asarray(values, dtype=float)
    of_clips = exact.mean(axis=2)  # (N, C)
    classes, index = np.unique(np.asarray(labels), return_inverse=True)
    of_classes = np.stack([of_clips[index == number].mean(axis=0) for number in range(len(classes))])  # (classes, C)
    return {
        "within_clips": float(((exact - of_clips[:, :, None]) ** 2).mean()),
        "between_clips": float(((of_clips - of_classes[index]) ** 2).mean()),
        "between_classes": float(((of_classes[index] - of_clips.mean(axis=0)) ** 2).mean()),
    }


def variance_table(affine: Mapping[tuple[str, str], Affine], labels: Sequence[str]) -> pd.DataFrame:
    """Layer, kind, name (gamma, beta), total variance, and the share of each of ``PARTS`` in it (nan of nothing)."""
    rows = []
    for (layer, kind), own in affine.items():
        for name, values in own._asdict().items():
            parts = parts_of_variance(values, labels)
            total = sum(parts.values())
            shares = {part: value / total if total > 0 else np.nan for part, value in parts.items()}
            rows.append({"layer": layer, "kind": kind, "name": name, "total": total, **shares})
    return pd.DataFrame(rows)
