"""Several networks trained and scored on one manifest: a table with one row per network, seed and fold."""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pandas as pd

from dnrlab.data.decode.cache import reader_for
from dnrlab.data.manifest import Manifest, select, split_by
from dnrlab.data.synthetic.make import pair_accuracy
from dnrlab.data.synthetic.motions import CLASSES
from dnrlab.device import ON_CPU, Runtime
from dnrlab.evaluation import EvalConfig, evaluate, scores_file, write_results
from dnrlab.models.weights import count_parameters
from dnrlab.parent import workers_of
from dnrlab.recipes.config import Recipe
from dnrlab.runs.load import load_run
from dnrlab.training.train import train

log = logging.getLogger("dnrlab")


MEASURES = ("top1", "top5", "within_pair")


COLUMNS = ("name", "seed", "fold", *MEASURES, "clip_top1", "videos", "loss", "seconds", "parameters", "error")


class AllFailed(RuntimeError):
    """None of the networks of a sweep could be trained and scored."""


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """How the recipes of a sweep are repeated and scored.

    Raises: ValueError if there is no seed or fold, one is given twice, or workers is below 1.
    """

    seeds: Sequence[int] = (0,)  # every recipe is trained once with each; they replace the seed of the recipe
    split_column: str = ""  # column of the manifest with the splits, or with the folds for test_folds; see ``split_by``
    test_folds: Sequence[str] = ("",)  # each is the split test once, and all other rows are train; "": no folds
    split: str = "test"  # split to score; "" is all rows
    views: EvalConfig = field(default_factory=EvalConfig)
    workers: int = 2  # networks trained at a time, each in its own process; at most the number of cores

    def __post_init__(self) -> None:
        for name in ("seeds", "test_folds"):
            values = list(getattr(self, name))
            if not values or len(set(values)) < len(values):
                raise ValueError(f"expected different {name}, at least one, got {values}; give each once")
        if self.workers < 1:
            raise ValueError(f"expected workers of at least 1, got {self.workers}; raise it")


ONCE = SweepConfig()


class Fold(NamedTuple):
    """What the networks of one fold are trained and scored on."""

    name: str  # "" without cross-validation
    manifest: Manifest  # for training
    videos: Manifest  # to score
    config: SweepConfig
    runtime: Runtime


def sweep(
    recipes: Mapping[str, Recipe],
    manifest: Manifest,
    out_dir: str | Path,
    config: SweepConfig = ONCE,
    runtime: Runtime = ON_CPU,
) -> pd.DataFrame:
    """Train every recipe with every seed and on every fold, and score each network on one split.

    Each network has a run folder, ``out_dir/NAME_seedK`` or ``NAME_seedK_foldF``. A second call resumes trainings and
    scores the videos that have no scores yet. Finished networks are only listed. A network that fails has its error in
    the table and does not stop the others.

    Returns: one row per network with columns name, seed, fold, top1, top5 (nan for five classes or fewer), within_pair
    (nan except for the synthetic classes), clip_top1, videos (scored), loss (of the last epoch, nats per clip), seconds
    (of training), parameters, and error, which is empty without an error.

    Raises: ValueError if there is no recipe, the manifest has no such fold or split, or torchrun started this process;
        AllFailed, a RuntimeError, if all networks failed.
    """
    check_one_process()
    if not recipes:
        raise ValueError("expected at least one recipe, got none; give a recipe by name")
    manifests = {name: split_by(manifest, config.split_column, name) for name in config.test_folds}
    folds = [
        Fold(name, split, select(split, config.split or None), config, replace(runtime, progress=False))
        for name, split in manifests.items()
    ]
    tasks = [(name, seed, fold) for name in recipes for seed in config.seeds for fold in folds]
    jobs = [
        joblib.delayed(train_and_score)(name, with_seed(recipes[name], seed), fold, Path(out_dir))
        for name, seed, fold in tasks
    ]
    rows: list[dict[str, Any]] = []
    workers = workers_of(min(config.workers, os.cpu_count() or 1))
    for row in joblib.Parallel(**workers, return_as="generator")(jobs):
        rows.append(row)
        outcome = row["error"] or f"top-1 {row['top1']:.3f}, trained for {row['seconds']:.0f} s"
        log.info(f"{len(rows)} of {len(tasks)}: {run_name(row['name'], row['seed'], row['fold'])}: {outcome}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    if (table["error"] != "").all():
        raise AllFailed(
            f"expected to train and score {len(table)} networks, got errors from all; the first: {table['error'][0]}"
        )
    return table


def check_one_process() -> None:
    """ValueError if torchrun started this process: each rank would train all networks in the same folder."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise ValueError(
            "expected one process to train several networks (dnrlab spread), got one of several ranks of torchrun; "
            "start it without torchrun, and set workers (--workers) to the number of networks trained at a time, "
            "or share one training between processes with torchrun … -m dnrlab train"
        )


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed."""
    return replace(recipe, training=replace(recipe.training, seed=seed))


def run_name(name: str, seed: int, fold: str = "") -> str:
    """The name of a network's run folder: ``bn_seed0``, ``bn_seed0_fold2``."""
    return f"{name}_seed{seed}" + (f"_fold{re.sub(r'[^-.0-9A-Za-z]', '_', fold)}" if fold else "")


def train_and_score(name: str, recipe: Recipe, fold: Fold, out_dir: Path) -> dict[str, Any]:
    """One row of the table. An error of this network is stored in the row, so that the others go on."""
    seed = recipe.training.seed
    row: dict[str, Any] = {"name": name, "seed": seed, "fold": fold.name, "error": ""}
    try:
        return row | train_and_measure(recipe, fold, out_dir / run_name(name, seed, fold.name))
    except Exception as error:
        return row | {"error": f"{type(error).__name__}: {error}"}


def train_and_measure(recipe: Recipe, fold: Fold, run_dir: Path) -> dict[str, Any]:
    """Train and evaluate. Returns the results. Work that an earlier call has finished is not repeated."""
    split, views, runtime = fold.config.split, fold.config.views, fold.runtime
    history = train(recipe, fold.manifest, run_dir, runtime)
    run = load_run(run_dir, runtime.device)
    data = run.recipe.data
    reader = reader_for(runtime.cache_dir, data.short_side, len(fold.videos.rows), data.decoder)
    # Result files in the folder may belong to older weights or another crop. The scores have a fingerprint.
    scores = scores_file(run_dir, split, run.recipe.model)
    predictions = evaluate(run.model, fold.videos, data, views, reader=reader, runtime=runtime, scores=scores)
    result = write_results(run_dir, predictions, run.classes, views, manifest=str(fold.manifest.file), split=split)
    return {
        **{name: result[name] for name in ("top1", "top5", "clip_top1", "videos") if name in result},
        "within_pair": within_pair(predictions.videos, run.classes),
        "loss": float(history["loss"].iloc[-1]),
        "seconds": float(history["seconds"].sum()),
        "parameters": count_parameters(run.model),
    }


def within_pair(predictions: pd.DataFrame, classes: tuple[str, ...]) -> float:
    """The accuracy within the pairs of the synthetic classes. nan for other classes."""
    if set(classes) != set(CLASSES):
        return float("nan")
    return pair_accuracy(list(predictions["label"]), list(predictions["predicted"]))["within_pair"]


def summarize(
    table: pd.DataFrame, *, by: Sequence[str] = ("name",), measures: Sequence[str] = MEASURES
) -> pd.DataFrame:
    """Mean and sample standard deviation (nan for one seed) over the seeds, in the order of ``table``.

    Columns: ``by``, n (number of seeds with the first measure), and for each measure its mean and ``MEASURE_std``.
    Seeds with top-1 0.4 and 0.6 give n 2, top1 0.5 and top1_std 0.141.
    """
    groups = table.groupby(list(by), sort=False)
    columns = {"n": groups[measures[0]].count()}
    for name in measures:
        columns |= {name: groups[name].mean(), f"{name}_std": groups[name].std()}
    return pd.DataFrame(columns).reset_index()
