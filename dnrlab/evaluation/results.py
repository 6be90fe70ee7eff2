"""Result files of an evaluation."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.evaluation.evaluate import EvalConfig
from dnrlab.evaluation.metrics import confusion_matrix, metrics
from dnrlab.evaluation.video_scores import SCORE, Predictions, class_scores
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.runs.folder import CONFUSION, METRICS, PREDICTIONS, SKIPPED, file_of_split

EVALUATE_AGAIN = "evaluate the run again"


def write_results(
    run_dir: str | Path,
    predictions: Predictions,
    classes: tuple[str, ...],
    config: EvalConfig,
    *,
    manifest: str,
    split: str,
) -> dict[str, Any]:
    """Write ``metrics.json``, ``predictions.csv``, ``confusion.csv`` and ``skipped.csv`` (if any). Returns the metrics.

    These are the names for the split ``test``. Other splits are part of the name: ``metrics_val.json`` of val, and
    ``metrics_all.json`` of all rows. ``top1``, ``top5`` and ``mean_class`` are accuracies of videos, whose scores are
    the mean over their views. ``clip_top1`` and ``clip_top5`` are accuracies of single views. With five classes or
    fewer there is no top-5 accuracy.
    """
    videos, skipped = predictions.videos, predictions.skipped
    scores = class_scores(videos).to_numpy()
    total = len(videos) + len(skipped)
    result: dict[str, Any] = {
        **metrics(list(videos["label"]), scores, classes),
        **{
            f"clip_{name}": float(predictions.views[name].mean())
            for name in ("top1", "top5")
            if name in predictions.views
        },
        "evaluated": f"evaluated {len(videos)} of {total}",
        "videos": len(videos),
        "skipped": len(skipped),
        "manifest": manifest,
        "split": split,
        "views": asdict(config),
    }
    confused = confusion_matrix(list(videos["label"]), list(videos["predicted"]), classes)
    tables = {PREDICTIONS: videos, CONFUSION: confused.reset_index(names="")}
    skipped_file = file_of_split(run_dir, SKIPPED, split)
    skipped_file.unlink(missing_ok=True)
    if len(skipped):
        tables[SKIPPED] = skipped
        result["skipped_videos"] = str(skipped_file)
    for name, table in tables.items():
        with atomic_write(file_of_split(run_dir, name, split)) as unfinished:
            table.to_csv(unfinished, index=False)
    with atomic_write(file_of_split(run_dir, METRICS, split)) as unfinished:
        unfinished.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return result


def read_results(run_dir: str | Path, split: str) -> tuple[dict[str, Any], pd.DataFrame] | None:
    """The metrics and predictions that ``write_results`` wrote for a split, or None. Labels are read as text.

    In files of earlier versions the columns of scores had the bare names of the classes. They are renamed.
    """
    metrics_file, predictions_file = (file_of_split(run_dir, name, split) for name in (METRICS, PREDICTIONS))
    if not metrics_file.is_file() or not predictions_file.is_file():
        return None
    text = {"path": str, "label": str, "predicted": str, "source": str}
    with explain_read_errors(metrics_file, EVALUATE_AGAIN):
        found: dict[str, Any] = dict(json.loads(metrics_file.read_text(encoding="utf-8")))
    with explain_read_errors(predictions_file, EVALUATE_AGAIN):
        predictions = pd.read_csv(predictions_file, dtype=text, keep_default_na=False)
        first = list(predictions.columns).index("predicted") + 1
        if not all(name.startswith(SCORE) for name in predictions.columns[first:]):
            predictions.columns = [
                *predictions.columns[:first],
                *(SCORE + name for name in predictions.columns[first:]),
            ]
        predictions[["path", "label"]]  # a KeyError names the one that is missing
        if class_scores(predictions).columns.empty:  # numbers throughout
            raise ValueError("no scores")
    return found, predictions
