"""From scores of views to scores of videos."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from dnrlab.data.manifest import Manifest, labels
from dnrlab.evaluation.intervals import MIN_SOURCES
from dnrlab.evaluation.metrics import view_accuracy
from dnrlab.evaluation.view_scores import Scores, is_scored

ROW = ("path", "start_seconds", "end_seconds", "label", "source")  # columns of a manifest that the predictions repeat


SCORE = "score:"  # before the name of a class, in the names of columns: a class may be called "label"


class Predictions(NamedTuple):
    """Result of an evaluation. Every row of the manifest is in ``videos`` or in ``skipped``."""

    videos: pd.DataFrame  # path, label, predicted, times and source if known, and a column ``score:CLASS`` per class
    skipped: pd.DataFrame  # path, label, reason
    views: (
        pd.DataFrame
    )  # clip, crop, top1, and top5 for more than five classes: accuracies of each single view, over the videos


def video_scores(manifest: Manifest, scores: Scores, reasons: dict[int, str], *, num_crops: int) -> Predictions:
    """The score of each video is the mean of the scores of its views.

    Args:
        scores: (rows, views, classes), softmax; nan for rows without scores.
        reasons: of unreadable videos, by row.
        num_crops: per clip; the crops of a clip follow each other among the views.
    """
    mean = scores.mean(axis=1, dtype=np.float64)  # (rows, classes)
    given = manifest.rows
    if "source" not in given and "scene" in given and given["scene"].nunique() >= MIN_SOURCES:
        given = given.rename(columns={"scene": "source"})  # videos of one scene look alike
    rows = given[[name for name in ROW if name in given]]
    done, skipped = np.flatnonzero(is_scored(scores)), sorted(reasons)
    table = pd.DataFrame(mean[done], index=done, columns=list(manifest.classes))
    predicted = rows.iloc[done].set_axis(done).assign(predicted=table.idxmax(axis=1))
    videos = pd.concat([predicted, table.add_prefix(SCORE)], axis=1)
    return Predictions(
        videos,
        rows.iloc[skipped].assign(reason=[reasons[row] for row in skipped]),
        view_accuracy(scores, labels(manifest), num_crops),
    )


def class_scores(videos: pd.DataFrame) -> pd.DataFrame:
    """The scores (videos, classes) of ``Predictions.videos``; the columns have the names of the classes."""
    scores = videos[[name for name in videos.columns if name.startswith(SCORE)]]
    return scores.astype(float).rename(columns=lambda name: name.removeprefix(SCORE))
