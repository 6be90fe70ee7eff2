"""Accuracies from a table of predictions."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS_AT_A_TIME = 64  # of scores of views, so that they need not fit into the memory


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
    place = true_class_rank(scores, truth)
    right = place == 0
    per_class = [right[truth == index].mean() for index in np.unique(truth)]
    return {"top1": float(right.mean()), "top5": float((place < 5).mean()), "mean_class": float(np.mean(per_class))}


def true_class_rank(scores: NDArray[np.floating], truth: NDArray[np.integer]) -> NDArray[np.int64]:
    """How many classes stand before the true one, (...) of ``scores`` (..., classes) and ``truth`` (...).

    0 is right, below 5 among the first five. Of equal scores the class that comes first stands first, as in ``idxmax``.
    Scores 0.2, 0.4, 0.4 give class 2 the place 1. A ``truth`` of -1, no class, is behind all.
    """
    own = np.take_along_axis(scores, truth[..., None], axis=-1)
    before = np.arange(scores.shape[-1]) < truth[..., None]
    place = ((scores > own) | ((scores == own) & before)).sum(axis=-1)
    return np.asarray(np.where(truth < 0, scores.shape[-1], place))


def view_accuracy(scores: NDArray[np.float32], truth: NDArray[np.integer], num_crops: int) -> pd.DataFrame:
    """Accuracies of each view by itself, over the rows that are scored.

    Args:
        scores: (rows, views, classes), clip by clip with the crops of one together; nan for rows that are not scored.
        truth: (rows,), class indices.

    Returns: columns clip, crop (both from 0), top1 and top5; a row a view. The mean of top1 is the accuracy of clips.
    """
    first, among_five, count = np.zeros(scores.shape[1]), np.zeros(scores.shape[1]), 0
    for start in range(0, len(scores), ROWS_AT_A_TIME):
        part, own = np.asarray(scores[start : start + ROWS_AT_A_TIME]), truth[start : start + ROWS_AT_A_TIME]
        done = ~np.isnan(part).any(axis=(1, 2))
        place = true_class_rank(part[done], np.broadcast_to(own[done, None], (int(done.sum()), part.shape[1])))
        first, among_five, count = first + (place == 0).sum(0), among_five + (place < 5).sum(0), count + len(place)
    clip, crop = np.divmod(np.arange(scores.shape[1]), num_crops)
    top1, top5 = (hits / max(count, 1) for hits in (first, among_five))
    return pd.DataFrame({"clip": clip, "crop": crop, "top1": top1, "top5": top5})


def accuracy_by_number(scores: NDArray[np.float32], truth: NDArray[np.integer], *, seed: int = 0) -> pd.DataFrame:
    """Top-1 accuracy of the mean over 1, 2, … of a video's views, drawn without replacement.

    The views are put in one random order, and taken from each of its places on in turn, so that every view counts
    alike: one view gives the accuracy of single views, all give that of videos.

    Args: as of ``view_accuracy``. Returns: columns views and top1.
    """
    number = scores.shape[1]
    order = np.random.default_rng(seed).permutation(number)
    hits, count = np.zeros(number), 0
    for start in range(0, len(scores), ROWS_AT_A_TIME):
        part, own = np.asarray(scores[start : start + ROWS_AT_A_TIME]), truth[start : start + ROWS_AT_A_TIME]
        done = ~np.isnan(part).any(axis=(1, 2))
        known = np.broadcast_to(own[done, None], (int(done.sum()), number))
        for first in range(number):
            sums = part[done][:, np.roll(order, first)].cumsum(axis=1, dtype=np.float64)
            hits += (true_class_rank(sums, known) == 0).sum(axis=0)
        count += int(done.sum())
    return pd.DataFrame({"views": np.arange(1, number + 1), "top1": hits / max(count * number, 1)})
