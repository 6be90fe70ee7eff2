"""Results of a batch as small files that can stay with a report: a table of runs, and the predictions of each run.

Run folders hold weights and checkpoints, and are too large to keep. The top-1 of each run can be computed again
from the predictions.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import log_loss

from dnrlab.batch.state import DONE, STATE, State, read_state
from dnrlab.data.synthetic.make import SETS
from dnrlab.evaluation import read_results
from dnrlab.evaluation.video_scores import class_scores
from dnrlab.experiments.variants import PREDICTIONS, read_table
from dnrlab.files import atomic_write
from dnrlab.recipes.config import Recipe, recipe_from_dict
from dnrlab.runs.folder import read_config

SHORT_NORMS = {"batch": "bn", "group": "gn", "instance": "in", "layer": "ln"}  # DNR's is relay
OF_VIDEO = ("path", "start_seconds", "end_seconds", "source", "label", "predicted")


def archive(batch: str | Path, table: str | Path, command: str, split: str = "test") -> pd.DataFrame:
    """Add the finished runs of a batch to a table, and their predictions to ``predictions/GRID/RUN.csv`` beside it.

    Rows of the same grid and run are replaced. Runs that are not evaluated on the split are left out, so it can be
    called while the batch runs.

    Args:
        command: the command that ran the batch; each row gets it for its own run.

    Returns: the table, see ``row_of``.

    Raises: ValueError if no run of the batch is evaluated on the split.
    """
    batch, table = Path(batch), Path(table)
    rows = []
    for folder in sorted(path.parent for path in batch.glob("*/config.json")):
        found, step = read_results(folder, split), evaluation_of(folder, split)
        if found and step:
            rows.append(row_of(folder, *found, step, f"{command} --only {folder.name}"))
            with atomic_write(table.parent / PREDICTIONS / batch.name / f"{folder.name}.csv") as unfinished:
                short_videos(found[1], found[0]["manifest"]).to_csv(unfinished, index=False)
    if not rows:
        raise ValueError(
            f"expected runs that are evaluated on split {split!r} in {batch}, got none; check the folder, or wait for "
            "the first run"
        )
    whole = pd.DataFrame(rows)
    if table.is_file():
        whole = pd.concat([read_table(table), whole]).drop_duplicates(["grid", "run"], keep="last")
    with atomic_write(table) as unfinished:
        whole.to_csv(unfinished, index=False)
    return whole


def row_of(folder: Path, metrics: dict[str, Any], videos: pd.DataFrame, step: State, command: str) -> dict[str, Any]:
    """A row of the table: what was trained on what, how well it does, and how to do it again.

    norm: bn, gn, in, ln or relay. interlaced: whether channels are interlaced. fold: the fold that was the test split,
    or empty. pixels: side of the crop. evaluated: videos with scores; total: all videos of the split. threads: of the
    network's process; with another number, sums are rounded differently. seconds: of the finished notebooks, each in
    the call that finished it. loss: mean cross-entropy of the scores, nats.
    """
    recipe, machine = recipe_from_dict(read_config(folder)), step.machine
    return {
        "dataset": dataset_of(metrics["manifest"]),
        "network": recipe.model.name,
        "norm": norm_of(recipe),
        "interlaced": recipe.model.is_interlaced,
        "fold": str(step.parameters.get("test_fold", "")),
        "seed": recipe.training.seed,
        "pixels": recipe.data.crop_size,
        "epochs": recipe.training.epochs,
        "top1": metrics["top1"],
        "top5": metrics.get("top5"),
        "evaluated": metrics["videos"],
        "total": metrics["videos"] + metrics["skipped"],
        "command": command,
        "machine": f"{machine['cores']} cores of {machine['processor']}, torch {machine['torch']}",
        "threads": machine["threads"],
        "seconds": round(sum(each.seconds for each in states_of(folder)), 1),
        "grid": folder.parent.name,
        "run": folder.name,
        "width": recipe.model.width,
        "batch_size": recipe.training.batch_size,
        "lr": recipe.training.lr,
        "loss": loss_of(videos),
    }


def loss_of(videos: pd.DataFrame) -> float:
    """Mean cross-entropy (nats) of the scores of ``Predictions.videos``: 0.5 and 1 for the right class give 0.347."""
    scores = class_scores(videos).sort_index(axis=1)  # scikit-learn expects the classes in this order
    scores = scores.div(scores.sum(axis=1), axis=0)  # and sums of 1 in double precision
    return float(log_loss(videos["label"], scores, labels=list(scores)))


def norm_of(recipe: Recipe) -> str:
    """``relay`` for a network with DNR, else the short name of its norm."""
    return "relay" if recipe.model.dnr else SHORT_NORMS[recipe.model.norm]


def evaluation_of(folder: Path, split: str) -> State | None:
    """The state of the finished notebook that evaluated a split; None without one."""
    states = states_of(folder, "02_evaluate*")
    done = [each for each in states if each.parameters.get("split", "test") == split]
    return done[-1] if done else None


def states_of(folder: Path, names: str = "*") -> list[State]:
    """The states of the finished notebooks of a run."""
    states = [read_state(file) for file in sorted(folder.glob(f"{names}{STATE}"))]
    return [each for each in states if each.state == DONE]


def dataset_of(manifest: str) -> str:
    """The name of a synthetic set, or of the folder that holds the manifest."""
    return manifest if manifest in SETS else Path(manifest).absolute().parent.name


def short_videos(videos: pd.DataFrame, manifest: str) -> pd.DataFrame:
    """Path (below the manifest's folder), times and source if known, label and predicted class of each video."""
    table = videos[[name for name in OF_VIDEO if name in videos]]
    return table.assign(path=paths_below(table["path"], manifest))


def paths_below(paths: Sequence[str], manifest: str) -> list[str]:
    """The paths of videos below the folder of their manifest. ValueError if one is elsewhere."""
    folder = f"/{dataset_of(manifest)}/"
    outside = [path for path in paths if folder not in path]
    if outside:
        raise ValueError(
            f"expected videos below the folder of their manifest, got {outside[0]}; put a manifest beside the videos"
        )
    return [path.rpartition(folder)[2] for path in paths]
