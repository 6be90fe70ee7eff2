"""Trainings of a batch as the table of a sweep, so that figures can be drawn from a grid's results."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch

from dnrlab.evaluation import read_results
from dnrlab.experiments.sweep import COLUMNS, with_seed, within_pair
from dnrlab.models.config import build_model
from dnrlab.models.weights import count_parameters
from dnrlab.recipes.config import Recipe, recipe_from_dict
from dnrlab.runs.folder import read_config

RESULTS = ("top1", "top5", "clip_top1", "videos")  # of metrics.json


def done_rows(results: str | Path) -> pd.DataFrame:
    """The rows of finished runs in ``results.csv`` of a batch, with the paths of their folders in column ``folder``.

    Raises: FileNotFoundError if there is no such file; ValueError if no run has finished.
    """
    file = Path(results).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"expected results.csv of a batch at {file}, got no such file; run dnrlab batch first")
    table = pd.read_csv(file, dtype={"test_fold": str})
    table = table[table["state"] == "done"].reset_index(drop=True)
    if not len(table):
        raise ValueError(f"expected finished runs in {file}, got none; run dnrlab batch again")
    return table.assign(folder=[str(file.parent / name) for name in table["folder"]])


def read_sweep(results: str | Path, recipes: Mapping[str, Recipe], split: str = "test") -> pd.DataFrame:
    """The trainings of a batch whose recipes are among ``recipes`` but for the seed, as the table of ``sweep``.

    Raises: ValueError that names the recipes without a finished run, or without an evaluation of the split.
    """
    rows = []
    for _, run in done_rows(results).iterrows():
        config = read_config(run["folder"])
        recipe = recipe_from_dict(config)
        name = next((name for name, own in recipes.items() if with_seed(own, recipe.training.seed) == recipe), None)
        evaluated = read_results(run["folder"], split)
        if name is None or evaluated is None:
            continue
        metrics, predictions = evaluated
        with torch.device("meta"):
            network = build_model(recipe.model, num_classes=len(config["classes"]), num_frames=recipe.data.num_frames)
        fold = run.get("test_fold", "")
        rows.append(
            {
                "name": name,
                **{key: metrics[key] for key in RESULTS if key in metrics},
                "seed": recipe.training.seed,
                "fold": "" if pd.isna(fold) else str(fold),
                "within_pair": within_pair(predictions, tuple(config["classes"])),
                "loss": run["loss"],
                "seconds": run["training_seconds"],
                "parameters": count_parameters(network),
                "error": "",
            }
        )
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    missing = [name for name in recipes if name not in set(table["name"])]
    if missing:
        raise ValueError(
            f"expected finished and evaluated runs of all networks in {results}, got none of {', '.join(missing)}; "
            "add them to the grid, or give this notebook the grid's settings"
        )
    order = list(recipes)
    return table.sort_values("name", key=lambda names: names.map(order.index), kind="stable").reset_index(drop=True)
