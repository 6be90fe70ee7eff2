"""Run folders: what a training leaves behind, and how it is opened again."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from safetensors.torch import load_file
from torch import nn

from dnrlab.files import whole_file
from dnrlab.models import create_model
from dnrlab.models.weights import load_weights
from dnrlab.training.config import ModelConfig, Recipe, recipe_from_dict


class Run(NamedTuple):
    """A trained network and what it was trained on."""

    model: nn.Module  # in evaluation mode
    recipe: Recipe
    classes: tuple[str, ...]


def build_model(config: ModelConfig, *, num_classes: int, num_frames: int) -> nn.Module:
    """The network of a configuration, with random weights."""
    return create_model(
        config.name,
        num_classes=num_classes,
        num_frames=num_frames,
        dnr=config.dnr,
        norm=config.norm,
        width=config.width,
        interlacing=config.interlacing,
        dropout=config.dropout,
        temporal_pool=config.temporal_pool,
    )


def read_config(run_dir: str | Path) -> dict[str, Any]:
    """``config.json`` of a run: the recipe, the classes, the versions. FileNotFoundError if it is no run folder."""
    file = Path(run_dir) / "config.json"
    if not file.is_file():
        raise FileNotFoundError(f"expected a run folder with config.json at {run_dir}, found none; train it first")
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return values


def load_run(run_dir: str | Path, device: str = "cpu") -> Run:
    """Open a run with its best weights.

    Raises: FileNotFoundError if the folder holds no run or no weights; ValueError if the weights do not fit.
    """
    config = read_config(run_dir)
    weights = Path(run_dir) / "best.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"expected trained weights at {weights}, found none; finish an epoch of training first")
    recipe, classes = recipe_from_dict(config), tuple(config["classes"])
    model = build_model(recipe.model, num_classes=len(classes), num_frames=recipe.data.num_frames)
    try:
        load_weights(model, load_file(weights))
    except ValueError as error:
        raise ValueError(f"{weights} does not fit the network of config.json ({recipe.model.name}): {error}") from error
    return Run(model.to(device).eval(), recipe, classes)


def short_names(run_dirs: Sequence[str]) -> list[str]:
    """The last part of each folder's path, or the whole where two would be called alike."""
    names = [Path(run_dir).name for run_dir in run_dirs]
    return names if len(set(names)) == len(names) else [Path(run_dir).as_posix() for run_dir in run_dirs]


def figures_folder(run_dirs: Sequence[str]) -> Path:
    """Where figures of some runs go unless a folder is given: ``runs/figures/a``, or ``runs/figures/a_b``."""
    names = "_".join(name.replace("/", "_") for name in short_names(run_dirs))
    return Path("runs") / "figures" / names[:100]


def save_figure(figure: Figure, folder: str | Path, name: str, **numbers: Any) -> Path:
    """Write ``NAME.png``, ``NAME.pdf`` and the numbers that they show: tables as CSV, arrays together as NPZ.

    Returns the path of the picture. What is no letter, digit, dot or hyphen in the name becomes an underscore.
    """
    folder, name = Path(folder), re.sub(r"[^\w.-]", "_", name)
    arrays: dict[str, Any] = {key: value for key, value in numbers.items() if isinstance(value, np.ndarray)}
    if arrays:
        with whole_file(folder / f"{name}.npz") as unfinished:
            np.savez_compressed(unfinished, **arrays)
    for key, value in numbers.items():
        if isinstance(value, pd.DataFrame):
            with whole_file(folder / (f"{name}.csv" if key == "table" else f"{name}_{key}.csv")) as unfinished:
                value.to_csv(unfinished, index=False)
    for suffix in ("png", "pdf"):
        with whole_file(folder / f"{name}.{suffix}") as unfinished:
            figure.savefig(unfinished, dpi=150)
    return folder / f"{name}.png"
