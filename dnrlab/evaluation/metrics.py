"""Accuracies from a table of predictions."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def confusion_matrix(labels: list[str], predicted: list[str], classes: tuple[str, ...]) -> pd.DataFrame:
    """Counts of videos, label by row and prediction by column: (classes, classes)."""
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    index = {name: position for position, name in enumerate(classes)}
    np.add.at(counts, ([index[name] for name in labels], [index[name] for name in predicted]), 1)
    return pd.DataFrame(counts, index=pd.Index(classes, name="label"), columns=pd.Index(classes, name="predicted"))


def metrics(labels: list[str], scores: NDArray[np.float64], classes: tuple[str, ...]) -> dict[str, float]:
    """Accuracies in [0, 1] of ``scores`` (videos, classes).

    ``top1``, ``top5`` (all classes where there are fewer), and ``mean_class``: the mean over the classes present of
    the share of their videos that is right. Of equal scores the class that comes first is ranked first.

    Raises: ValueError if there is no video, the shapes differ, or a score is not finite.
    """
    if len(labels) == 0 or scores.shape != (len(labels), len(classes)):
        raise ValueError(f"expected scores ({len(labels)}, {len(classes)}) of at least one video, got {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("expected finite scores, got others; the network has diverged, train it with a lower lr")
    truth = np.array([classes.index(label) for label in labels])
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :5]  # as idxmax, the first of equals first
    hit = ranked == truth[:, None]
    right = hit[:, 0]
    per_class = [right[truth == index].mean() for index in np.unique(truth)]
    return {"top1": float(right.mean()), "top5": float(hit.any(axis=1).mean()), "mean_class": float(np.mean(per_class))}
