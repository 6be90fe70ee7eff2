"""Results of a batch as small files that can stay with a report: a table of runs, and the predictions of each run.

Run folders hold weights and checkpoints, and are too large to keep. Every accuracy of the table can be computed again
from the predictions.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dnrlab.data.synthetic.make import SETS
from dnrlab.evaluation import read_results
from dnrlab.evaluation.video_scores import class_scores
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.models.create import shifts_already
from dnrlab.recipes.config import Recipe, recipe_from_dict
from dnrlab.runs.folder import read_config

PREDICTIONS = "predictions"  # folder beside the table
NORMS = {"batch": "bn", "group": "gn", "instance": "in", "layer": "ln"}  # short names; DNR's is relay
OF_VIDEO = ("path", "start_seconds", "end_seconds", "source", "label", "predicted")
DONE = "done"  # state of a notebook in a batch
KEY = ("grid", "run")


def archive(batch: str | Path, table: str | Path, split: str = "test") -> pd.DataFrame:
    """Add the finished runs of a batch to a table, and their predictions to ``predictions/GRID/RUN.csv`` beside it.

    Rows of the same grid and run are replaced. Runs that are not evaluated on the split are left out, so it can be
    called while the batch runs.

    Returns: the table, see ``row_of``.

    Raises: ValueError if no run of the batch is evaluated on the split.
    """
    batch, table = Path(batch), Path(table)
    rows = []
    for folder in sorted(path.parent for path in batch.glob("*/config.json")):
        found, step = read_results(folder, split), evaluation_of(folder, split)
        if found is not None and step:
            rows.append(row_of(folder, *found, step))
            with atomic_write(table.parent / PREDICTIONS / batch.name / f"{folder.name}.csv") as unfinished:
                short_videos(found[1], found[0]["manifest"]).to_csv(unfinished, index=False)
    if not rows:
        raise ValueError(
            f"expected runs that are evaluated on split {split!r} in {batch}, got none; check the folder, or wait for "
            "the first run"
        )
    whole = pd.DataFrame(rows)
    if table.is_file():
        earlier = read_table(table)
        again = earlier[list(KEY)].apply(tuple, axis=1).isin(list(whole[list(KEY)].itertuples(index=False, name=None)))
        whole = pd.concat([earlier[~again], whole])
    with atomic_write(table) as unfinished:
        whole.to_csv(unfinished, index=False)
    return whole


def read_table(table: str | Path) -> pd.DataFrame:
    """The table that ``archive`` wrote. Folds are text."""
    with explain_read_errors(Path(table), "archive the batches again"):
        return pd.read_csv(table, dtype={"fold": str}).fillna({"fold": ""})


def row_of(folder: Path, metrics: dict[str, Any], videos: pd.DataFrame, step: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: what was trained on what, how well it does, and how to do it again.

    norm: bn, gn, in, ln or relay. interlaced: whether channels are interlaced. fold: the fold that was the test split,
    or empty. pixels: side of the crop. evaluated: videos with scores; total: all videos of the split. loss: mean
    cross-entropy of their scores, nats.
    """
    recipe, machine = recipe_from_dict(read_config(folder)), step["machine"]
    grid = folder.parent.name
    return {
        "dataset": dataset_of(metrics["manifest"]),
        "network": recipe.model.name,
        "norm": norm_of(recipe),
        "interlaced": interlaced(recipe),
        "fold": str(step["parameters"].get("test_fold", "")),
        "seed": recipe.training.seed,
        "pixels": recipe.data.crop_size,
        "epochs": recipe.training.epochs,
        "top1": metrics["top1"],
        "top5": metrics.get("top5"),
        "evaluated": metrics["videos"],
        "total": metrics["videos"] + metrics["skipped"],
        "command": f"dnrlab batch notebooks/batches/{grid}.yaml --out runs/batches/{grid} --only {folder.name}",
        "machine": f"{machine['cores']} cores of {machine['processor']}, torch {machine['torch']}",
        "grid": grid,
        "run": folder.name,
        "width": recipe.model.width,
        "batch_size": recipe.training.batch_size,
        "lr": recipe.training.lr,
        "loss": log_loss(videos),
    }


def log_loss(videos: pd.DataFrame) -> float:
    """Mean cross-entropy (nats) of the scores of videos: scores of 0.5 and 1 for the right class give 0.347.

    Args:
        videos: ``Predictions.videos``.
    """
    scores = class_scores(videos)
    right = scores.to_numpy()[np.arange(len(videos)), [scores.columns.get_loc(label) for label in videos["label"]]]
    return float(-np.log(np.clip(right, np.finfo(np.float64).tiny, 1)).mean())


def norm_of(recipe: Recipe) -> str:
    """``relay`` for a network with DNR, else the short name of its norm."""
    return "relay" if recipe.model.dnr else NORMS[recipe.model.norm]


def interlaced(recipe: Recipe) -> bool:
    """Whether channels are interlaced; where the recipe leaves it open, with DNR in a network without its own shift."""
    own = recipe.model.interlacing
    return recipe.model.dnr is not None and not shifts_already(recipe.model.name) if own is None else own


def evaluation_of(folder: Path, split: str) -> dict[str, Any]:
    """What a batch noted of the finished evaluation of a split: parameters, machine and more; empty without one."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("02_evaluate*.state.json")):
        with explain_read_errors(file, "run the batch again"):
            step = json.loads(file.read_text(encoding="utf-8"))
            if step["state"] == DONE and step["parameters"].get("split", "test") == split:
                found = step
    return found


def dataset_of(manifest: str) -> str:
    """The name of a synthetic set, or of the folder that holds the manifest."""
    return manifest if manifest in SETS else Path(manifest).absolute().parent.name


def short_videos(videos: pd.DataFrame, manifest: str) -> pd.DataFrame:
    """Path (below the manifest's folder), times and source if known, label and predicted class of each video."""
    folder = f"/{dataset_of(manifest)}/"
    table = videos[[name for name in OF_VIDEO if name in videos]]
    outside = [path for path in table["path"] if folder not in path]
    if outside:
        raise ValueError(
            f"expected videos below the folder of their manifest, got {outside[0]}; put a manifest beside the videos"
        )
    return table.assign(path=[path.rpartition(folder)[2] for path in table["path"]])
