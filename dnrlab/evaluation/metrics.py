"""Accuracies from a table of predictions."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS_AT_A_TIME = 64  # of the scores of views, which may be larger than the memory


def confusion_matrix(labels: list[str], predicted: list[str], classes: tuple[str, ...]) -> pd.DataFrame:
    """Counts of videos (classes, classes): one row per label, one column per prediction."""
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    index = {name: position for position, name in enumerate(classes)}
    np.add.at(counts, ([index[name] for name in labels], [index[name] for name in predicted]), 1)
    return pd.DataFrame(counts, index=pd.Index(classes, name="label"), columns=pd.Index(classes, name="predicted"))


def metrics(labels: list[str], scores: NDArray[np.float64], classes: tuple[str, ...]) -> dict[str, float]:
    """Accuracies in [0, 1] of ``scores`` (videos, classes).

    ``top1`` and ``top5`` are accuracies of videos. With five classes or fewer there is no ``top5``: it would always be
    1. ``mean_class`` is the mean of the top-1 accuracies of the classes that have videos. Among equal scores the first
    class is ranked first.

    Raises: ValueError if there is no video, the shapes differ, or a score is not finite.
    """
    if len(labels) == 0 or scores.shape != (len(labels), len(classes)):
        raise ValueError(
            f"expected scores ({len(labels)}, {len(classes)}) of at least one video, got {scores.shape}; "
            "give one row of scores per label"
        )
    if not np.isfinite(scores).all():
        raise ValueError("expected finite scores, got nan or inf; the network has diverged, train it with a lower lr")
    truth = np.array([classes.index(label) for label in labels])
    rank = true_class_rank(scores, truth)
    correct = rank == 0
    per_class = [correct[truth == index].mean() for index in np.unique(truth)]
    top5 = {"top5": float((rank < 5).mean())} if len(classes) > 5 else {}
    return {"top1": float(correct.mean()), **top5, "mean_class": float(np.mean(per_class))}


def true_class_rank(scores: NDArray[np.floating], truth: NDArray[np.integer]) -> NDArray[np.int64]:
    """Rank of the true class: the number of classes ranked before it.

    Rank 0 is a correct prediction, and a rank below 5 is among the top five. Among equal scores the first class is
    ranked first, as in ``idxmax``: scores 0.2, 0.4, 0.4 give class 2 the rank 1. A ``truth`` of -1 (no class) is ranked
    after all classes.

    Shape:
        - scores: (..., classes)
        - truth: (...), class indices
        - returns: (...)
    """
    true_score = np.take_along_axis(scores, truth[..., None], axis=-1)
    before = np.arange(scores.shape[-1]) < truth[..., None]
    rank = ((scores > true_score) | ((scores == true_score) & before)).sum(axis=-1)
    return np.asarray(np.where(truth < 0, scores.shape[-1], rank))


def view_accuracy(scores: NDArray[np.float32], truth: NDArray[np.integer], num_crops: int) -> pd.DataFrame:
    """Accuracies of each single view, over the rows that are scored.

    Args:
        scores: (rows, views, classes), clip by clip, with the crops of a clip together. Rows not scored are nan.
        truth: (rows,), class indices.

    Returns: columns clip, crop (both from 0), top1 and, for more than five classes, top5; one row per view. The mean of
        top1 is the accuracy of single clips.
    """
    first, in_top5, count = np.zeros(scores.shape[1]), np.zeros(scores.shape[1]), 0
    for start in range(0, len(scores), ROWS_AT_A_TIME):
        part, labels = np.asarray(scores[start : start + ROWS_AT_A_TIME]), truth[start : start + ROWS_AT_A_TIME]
        done = ~np.isnan(part).any(axis=(1, 2))
        rank = true_class_rank(part[done], np.broadcast_to(labels[done, None], (int(done.sum()), part.shape[1])))
        first, in_top5, count = first + (rank == 0).sum(0), in_top5 + (rank < 5).sum(0), count + len(rank)
    clip, crop = np.divmod(np.arange(scores.shape[1]), num_crops)
    top5 = {"top5": in_top5 / max(count, 1)} if scores.shape[2] > 5 else {}
    return pd.DataFrame({"clip": clip, "crop": crop, "top1": first / max(count, 1), **top5})


def accuracy_by_number(scores: NDArray[np.float32], truth: NDArray[np.integer], *, seed: int = 0) -> pd.DataFrame:
    """Top-1 accuracy of the mean over 1, 2, … views of each video, drawn without replacement.

    The views are put in one random order. The subsets start at each position of that order in turn, so that every view
    has the same weight. One view gives the accuracy of single views, and all views give the accuracy of videos.

    Args: see ``view_accuracy``.

    Returns: columns views and top1.
    """
    num_views = scores.shape[1]
    order = np.random.default_rng(seed).permutation(num_views)
    hits, count = np.zeros(num_views), 0
    for start in range(0, len(scores), ROWS_AT_A_TIME):
        part, labels = np.asarray(scores[start : start + ROWS_AT_A_TIME]), truth[start : start + ROWS_AT_A_TIME]
        done = ~np.isnan(part).any(axis=(1, 2))
        known = np.broadcast_to(labels[done, None], (int(done.sum()), num_views))
        for first in range(num_views):
            sums = part[done][:, np.roll(order, first)].cumsum(axis=1, dtype=np.float64)
            hits += (true_class_rank(sums, known) == 0).sum(axis=0)
        count += int(done.sum())
    return pd.DataFrame({"views": np.arange(1, num_views + 1), "top1": hits / max(count * num_views, 1)})
