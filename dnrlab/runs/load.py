"""Open a run folder."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dnrlab.files import explain_read_errors
from dnrlab.models.config import build_model
from dnrlab.models.own import is_own, source_digest
from dnrlab.models.weights import check_tensors, load_tensors
from dnrlab.recipes.config import Recipe, recipe_from_dict
from dnrlab.runs.folder import CONFIG, DAMAGED_RUN, WEIGHTS, read_config
from dnrlab.trusted import check_trust, line_of

log = logging.getLogger("dnrlab")


class Run(NamedTuple):
    """A trained network and what it was trained on."""

    model: nn.Module  # in evaluation mode
    recipe: Recipe
    classes: tuple[str, ...]


def load_run(run_dir: str | Path, device: str = "cpu") -> Run:
    """Open a run with its best weights.

    Raises: FileNotFoundError if the folder has no config.json or no weights; ValueError if one of them cannot be read,
        the weights do not fit or are not finite, or the network is a function that is not trusted, see ``trust``.
    """
    config = read_config(run_dir)
    weights = Path(run_dir) / WEIGHTS
    if not weights.is_file():
        raise FileNotFoundError(
            f"expected trained weights at {weights}, got no such file; train an epoch to its end first"
        )
    with explain_read_errors(weights, DAMAGED_RUN):
        tensors = load_file(weights)
    recipe, classes = recipe_from_dict(config), tuple(config["classes"])
    changed = source_change(recipe.model.name, config, run_dir)
    if changed:
        log.warning(changed)
    model = network_of(recipe, len(classes), tensors, weights, changed)
    broken = next((name for name, value in tensors.items() if not value.isfinite().all()), None)
    if broken is not None:
        raise ValueError(
            f"expected finite weights in {weights}, got nan or inf in {broken}; the training has diverged, "
            "train again with a lower lr"
        )
    return Run(model.to(device).eval(), recipe, classes)


def network_of(
    recipe: Recipe, num_classes: int, tensors: Mapping[str, Tensor], weights: Path, changed: str
) -> nn.Module:
    """The network of a run with the tensors of its file ``weights``. ``changed``: from ``source_change``.

    Raises: ValueError if they do not fit.
    """
    name, sizes = recipe.model.name, {"num_classes": num_classes, "num_frames": recipe.data.num_frames}
    try:
        if not is_own(name):
            with torch.device("meta"):  # takes no memory: a false size could take all of it
                check_tensors(build_model(recipe.model, **sizes), tensors)
    except (ValueError, RuntimeError) as error:
        raise misfit(weights, name, error, changed) from error
    model = build_model(recipe.model, **sizes)
    try:
        load_tensors(model, tensors)
    except ValueError as error:
        raise misfit(weights, name, error, changed) from error
    return model


def misfit(weights: Path, name: str, error: Exception, changed: str) -> ValueError:
    """The error for weights that do not fit the network ``name``."""
    return ValueError(
        f"expected {weights} to fit the network of {CONFIG} ({name}), got others; "
        f"keep both files of one training: {error}\n{changed}".rstrip()
    )


def source_change(name: str, config: dict[str, Any], run_dir: str | Path) -> str:
    """A sentence if a network's function is not what it was at the training; else ''.

    Raises: ValueError if the function is gone, or not trusted.
    """
    if not is_own(name):
        return ""
    try:
        line_of(name)
    except ValueError as error:
        raise ValueError(f"{run_dir} was trained on a function that is gone: {error}") from error
    check_trust(name, run_dir)
    try:
        same = source_digest(name) == config.get("model_source")
    except ValueError as error:
        raise ValueError(f"{run_dir} was trained on a function that is gone: {error}") from error
    return "" if same else f"the source file of {name} has changed since {run_dir} was trained: results may differ"
