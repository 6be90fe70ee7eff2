"""Result files of an evaluation."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.evaluation.evaluate import EvalConfig
from dnrlab.evaluation.metrics import confusion_matrix, metrics
from dnrlab.evaluation.video_scores import Predictions
from dnrlab.files import atomic_write
from dnrlab.runs.folder import CONFUSION, METRICS, PREDICTIONS, SKIPPED, file_of_split


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
    the mean over their views. ``clip_top1`` and ``clip_top5`` are accuracies of single views.
    """
    videos, skipped = predictions.videos, predictions.skipped
    scores = videos.iloc[:, -len(classes) :].to_numpy(dtype=float)
    total = len(videos) + len(skipped)
    result: dict[str, Any] = {
        **metrics(list(videos["label"]), scores, classes),
        **{f"clip_{name}": float(predictions.views[name].mean()) for name in ("top1", "top5")},
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
    """The metrics and predictions that ``write_results`` wrote for a split, or None. Labels are read as text."""
    metrics_file, predictions_file = (file_of_split(run_dir, name, split) for name in (METRICS, PREDICTIONS))
    if not metrics_file.is_file() or not predictions_file.is_file():
        return None
    text = {"path": str, "label": str, "predicted": str, "source": str}
    predictions = pd.read_csv(predictions_file, dtype=text, keep_default_na=False)
    return json.loads(metrics_file.read_text(encoding="utf-8")), predictions
