"""The values that parameters of notebooks may have, whatever notebook declares them: choices, files, whole recipes."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from dnrlab.bench.work import TASKS, TREATMENTS
from dnrlab.data.cards import FOLDER
from dnrlab.data.config import SAMPLERS
from dnrlab.data.decode.signature import signature
from dnrlab.data.manifest import open_manifest, select, split_by
from dnrlab.data.splits import split_name
from dnrlab.data.synthetic.make import SETS
from dnrlab.device import COMPILE, pick_device
from dnrlab.experiments.ablations import QUESTIONS
from dnrlab.experiments.batch_sizes import KINDS
from dnrlab.models import model_names
from dnrlab.models.config import ModelConfig, build_model
from dnrlab.models.own import find_function, is_own
from dnrlab.recipes.named import RECIPES
from dnrlab.recipes.parameters import recipe_of
from dnrlab.runs.folder import CONFIG

INTERLACING = ("auto", "always", "never")
SPLITS = ("train", "val", "test")
DNR = ("dnr", "relay_distance", "dnr_settings", "interlacing")  # parameters that are read together
CARD = ".card.json"


def one_of(what: str, known: Sequence[str]) -> Callable[[str], str]:
    """A check that a value is one of some names. The message names those that are like it first."""

    def check(value: str) -> str:
        if value in known:
            return ""
        close = difflib.get_close_matches(value, known, 3)
        names = [*close, *(name for name in known if name and name not in close)]
        return f"expected {what}, got {value!r}; choose one of {', '.join(names)}"

    return check


def raises(action: Callable[[str], Any]) -> Callable[[str], str]:
    """A check that an action takes a value."""

    def check(value: str) -> str:
        try:
            action(value)
        except (ValueError, OSError) as error:
            return str(error)
        return ""

    return check


def is_file(value: str) -> str:
    """Check that there is a file; ``~`` is the home folder."""
    return "" if Path(value).expanduser().is_file() else f"expected a file, got none at {value!r}; check the path"


def is_manifest(value: str) -> str:
    """Check that there is a manifest, or that a synthetic one is meant."""
    there = value in SETS or Path(value).expanduser().is_file()
    return "" if there else f"expected a manifest at {value}, got no such file; give a CSV file, or {' or '.join(SETS)}"


def is_folder(value: str) -> str:
    """Check that there is a folder; ``~`` is the home folder."""
    return "" if Path(value).expanduser().is_dir() else f"expected a folder, got none at {value!r}; check the path"


def is_network(name: str) -> str:
    """Check that there is such a network, or such a function."""
    return raises(find_function)(name) if is_own(name) else one_of("a network's name", model_names())(name)


def is_run(folder: str) -> str:
    """Check that a folder is a run folder."""
    return (
        ""
        if (Path(folder) / CONFIG).is_file()
        else f"expected a run folder with {CONFIG}, got none at {folder!r}; train it first"
    )


def is_source_of_weights(value: str) -> str:
    """Check that weights can be taken from there."""
    return (
        ""
        if value == "imagenet" or Path(value).exists()
        else f"expected imagenet, a run folder or a file of weights, got {value!r}; train that run first"
    )


def cards() -> list[str]:
    """The names of the cards of public sets."""
    return sorted(file.name.removesuffix(CARD) for file in FOLDER.glob(f"*{CARD}"))


CHECKS: dict[str, Callable[[str], str]] = {  # of texts, and of each element of a list
    "recipe": one_of("a recipe's name", [*RECIPES]),
    "model": is_network,
    "models": is_network,
    "interlacing": one_of("interlacing to be one of these", INTERLACING),
    "sampling": one_of("a sampling's name", [*SAMPLERS]),
    "device": raises(pick_device),
    "compile": one_of("compile to be one of these", COMPILE),
    "card": one_of("a card's name", cards()),
    "manifest": is_manifest,
    "root": is_folder,
    "initial_weights": is_source_of_weights,
    "runs": is_run,
    "results": is_file,
    "groups": one_of("a question", [*QUESTIONS]),
    "norms": one_of("a norm", KINDS),
    "treatments": one_of("a treatment", TREATMENTS),
    "tasks": one_of("a task", TASKS),
}


def mistakes_in(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the values of a notebook, as names of parameters and messages. Empty texts are no mistakes.

    A recipe is tried whole: its settings, and its network without memory for the weights.
    """
    wrong = False
    for name, value in parameters.items():
        for each in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
            message = message_of(name, each) if name in CHECKS and isinstance(each, str) and each else ""
            if message:
                wrong = True
                yield name, message
    if not wrong and "manifest" in parameters:
        yield from mistakes_in_split(parameters)
    if not wrong and "recipe" in parameters:
        yield from mistakes_in_recipe(parameters)


def message_of(name: str, value: str) -> str:
    """What is wrong with a text; empty if it can be used."""
    try:
        return CHECKS[name](value)
    except OSError as error:  # such as a path that is too long
        return f"{error}; correct the path"


def mistakes_in_split(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the split of a manifest that is here, and with the column and fold that make it."""
    names = {name: str(parameters.get(name, "")) for name in ("split", "split_column", "test_fold", "val_fold")}
    manifest = Path(str(parameters["manifest"])).expanduser()
    message = wrong_split(str(parameters["manifest"]), signature(str(manifest.absolute())), *names.values())
    if message:
        yield next(name for name, value in {**names, "manifest": "."}.items() if value and name in parameters), message


@cache
def wrong_split(manifest: str, state: tuple[int, int], split: str, column: str, fold: str, val_fold: str) -> str:
    """Why a manifest has no such split, column or folds; empty if it has, or it is not here.

    ``state`` is the size of the file and the time of its last change: then it is read again.
    """
    if manifest in SETS:
        if column or fold:
            return f"expected no column and fold of the synthetic videos, got {column or fold!r}; leave it empty"
        return one_of("a split", SPLITS)(split_name(split)) if split else ""
    if min(state) < 0:
        return ""
    try:
        videos = split_by(open_manifest(manifest), column, fold, val_fold)
        select(videos, split or None)
    except (ValueError, OSError) as error:
        return str(error)
    return ""


def mistakes_in_recipe(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the recipe that some parameters describe. Wrong ones are left out one by one."""
    without: tuple[str, ...] = ()
    for _ in parameters:
        try:
            recipe = recipe_of(parameters, without=without)
            break
        except (ValueError, TypeError) as error:
            text = str(error)
            rest = [name for name in parameters if name not in without]
            named = [name for name in rest if name in text.replace("'", " ").split()]
            if "settings" in rest and any(name in parameters["settings"] for name in text.replace("'", " ").split()):
                named = ["settings"]
            yield (named or ["recipe"])[0], text
            if not named or named[0] == "recipe":
                return
            without += tuple(DNR) if named[0] in DNR else (named[0],)
    else:
        return
    if without:
        return
    if message := mistake_in_network(recipe.model, recipe.data.num_frames):
        yield "model" if "model" in parameters else "recipe", message


@cache
def mistake_in_network(config: ModelConfig, num_frames: int) -> str:
    """Why a network cannot be built; empty if it can. The function of an own network is not called."""
    if is_own(config.name):
        return ""
    try:
        with torch.device("meta"):
            build_model(config, num_classes=2, num_frames=num_frames)
    except (ValueError, TypeError) as error:
        return str(error)
    return ""
