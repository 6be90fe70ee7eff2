"""Result files of an evaluation."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.evaluation.evaluate import EvalConfig, Predictions
from dnrlab.evaluation.metrics import confusion_matrix, metrics
from dnrlab.files import atomic_write

REPEATS = "spread.csv"  # in a folder of several runs of one recipe: which they are


def write_results(
    run_dir: str | Path,
    predictions: Predictions,
    classes: tuple[str, ...],
    config: EvalConfig,
    *,
    manifest: str,
    split: str,
) -> dict[str, Any]:
    """Write ``metrics.json``, ``predictions.csv``, ``confusion.csv`` and ``skipped.csv`` (if any); return the metrics.

    The names are those of the split ``test``; another is in the name, as in ``metrics_val.json``, all in ``_all``.
    ``top1``, ``top5`` and ``mean_class`` are of videos, the mean over their views; ``clip_top1`` and ``clip_top5`` of
    single views.
    """
    of_split = split_suffix(split)
    run_dir, videos, skipped = Path(run_dir), predictions.videos, predictions.skipped
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
    tables = {"predictions": videos, "confusion": confused.reset_index(names="")}
    (run_dir / f"skipped{of_split}.csv").unlink(missing_ok=True)
    if len(skipped):
        tables["skipped"] = skipped
        result["skipped_videos"] = str(run_dir / f"skipped{of_split}.csv")
    for name, table in tables.items():
        with atomic_write(run_dir / f"{name}{of_split}.csv") as unfinished:
            table.to_csv(unfinished, index=False)
    with atomic_write(run_dir / f"metrics{of_split}.json") as unfinished:
        unfinished.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return result


def read_results(run_dir: str | Path, split: str) -> tuple[dict[str, Any], pd.DataFrame] | None:
    """The metrics and predictions that ``write_results`` left for a split, None if it did not; labels are text."""
    metrics_file, predictions_file = (
        Path(run_dir) / f"{name}{split_suffix(split)}.{kind}"
        for name, kind in (("metrics", "json"), ("predictions", "csv"))
    )
    if not metrics_file.is_file() or not predictions_file.is_file():
        return None
    text = {"path": str, "label": str, "predicted": str, "source": str}
    predictions = pd.read_csv(predictions_file, dtype=text, keep_default_na=False)
    return json.loads(metrics_file.read_text(encoding="utf-8")), predictions


def view_scores_file(run_dir: str | Path, split: str) -> Path:
    """Where a run folder keeps the scores of all views of a split; see ``dnrlab.evaluation.view_scores``."""
    return Path(run_dir) / f"view_scores{split_suffix(split)}.npy"


def split_suffix(split: str) -> str:
    """What the names of a split's result files end in: nothing for ``test``, ``_val``, ``_all`` for all rows."""
    return "" if split == "test" else f"_{re.sub(r'[^-.0-9A-Za-z]', '_', split) or 'all'}"
