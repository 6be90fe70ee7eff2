"""Several networks trained on one manifest and scored alike: a table with a row a network, seed and fold."""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pandas as pd

from dnrlab.data.decode.cache import reader_for
from dnrlab.data.manifest import Manifest, select, split_by
from dnrlab.data.synthetic.make import pair_accuracy
from dnrlab.data.synthetic.motions import CLASSES
from dnrlab.evaluation import EvalConfig, evaluate, view_scores_file, write_results
from dnrlab.models.weights import count_parameters
from dnrlab.recipes.config import Recipe
from dnrlab.runs.load import load_run
from dnrlab.training.train import train

log = logging.getLogger("dnrlab")


ONE_VIEW = EvalConfig()


MEASURES = ("top1", "top5", "within_pair")


COLUMNS = ("name", "seed", "fold", *MEASURES, "clip_top1", "videos", "loss", "seconds", "parameters", "error")


class AllFailed(RuntimeError):
    """None of the networks of a comparison could be trained and scored."""


class Fold(NamedTuple):
    """What every network of a comparison, or of one of its folds, is trained on and scored by."""

    fold: str  # "" without cross-validation
    manifest: Manifest  # to train on
    videos: Manifest  # to score
    split: str  # which they are; "" is all rows
    views: EvalConfig
    device: str
    cache_dir: str | Path
    num_workers: int


def compare(
    recipes: Mapping[str, Recipe],
    manifest: Manifest,
    out_dir: str | Path,
    *,
    seeds: Sequence[int] = (0,),
    split_column: str = "",
    test_folds: Sequence[str] = ("",),
    split: str = "test",
    views: EvalConfig = ONE_VIEW,
    device: str = "cpu",
    workers: int = 2,
    cache_dir: str | Path = "",
    num_workers: int = 0,
) -> pd.DataFrame:
    """Train every recipe with every seed and on every fold, and score each on a split.

    Each has a run folder, ``out_dir/NAME_seedK``, or ``NAME_seedK_foldF``. The same call again resumes, scores the
    videos that are not scored yet, and shows what is finished. A network that fails leaves its reason in the table and
    does not stop the others.

    Args:
        recipes: by name; ``seeds`` take the place of theirs.
        split_column, test_folds: as of ``split_by``, once a fold; as given, the splits are those of the manifest.
        workers: networks trained at a time, each in a process; no more than there are cores.
        cache_dir, num_workers: as of ``train``.

    Returns: columns name, seed, fold, top1, top5, within_pair (nan but for the synthetic classes), clip_top1, videos
    (scored), loss (of the last epoch, nats a clip), seconds (of training), parameters, and error, empty where all went
    well.

    Raises: ValueError if there is nothing to train, a seed or fold stands twice, the manifest has no such fold or
        split, or torchrun started this process; AllFailed, a RuntimeError, if all networks failed.
    """
    check_one_process()
    if not recipes or not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"expected a recipe and different seeds, got {len(recipes)} recipes and seeds {list(seeds)}")
    if not test_folds or len(set(test_folds)) < len(test_folds):
        raise ValueError(f"expected different test_folds, got {list(test_folds)}")
    manifests = {fold: split_by(manifest, split_column, fold) for fold in test_folds}
    judges = [
        Fold(fold, each, select(each, split or None), split, views, device, cache_dir, num_workers)
        for fold, each in manifests.items()
    ]
    tasks = [(name, seed, judge) for name in recipes for seed in seeds for judge in judges]
    jobs = [
        joblib.delayed(train_and_score)(name, with_seed(recipes[name], seed), judge, Path(out_dir))
        for name, seed, judge in tasks
    ]
    rows: list[dict[str, Any]] = []
    for row in joblib.Parallel(n_jobs=min(workers, os.cpu_count() or 1), return_as="generator")(jobs):
        rows.append(row)
        told = row["error"] or f"top-1 {row['top1']:.3f}, trained for {row['seconds']:.0f} s"
        log.info(f"{len(rows)} of {len(tasks)}: {run_name(row['name'], row['seed'], row['fold'])}: {told}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    if (table["error"] != "").all():
        raise AllFailed(f"none of {len(table)} networks could be trained and scored; the first: {table['error'][0]}")
    return table


def check_one_process() -> None:
    """ValueError if torchrun started this process: each of its processes would train all networks, in one folder."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        raise ValueError(
            "expected one process to train several networks (dnrlab spread), got one of those that torchrun started; "
            "start it without torchrun, where workers (--workers) says how many networks are trained at a time, "
            "or share one training among processes with torchrun … -m dnrlab train"
        )


def with_seed(recipe: Recipe, seed: int) -> Recipe:
    """The recipe with another seed."""
    return replace(recipe, training=replace(recipe.training, seed=seed))


def run_name(name: str, seed: int, fold: str = "") -> str:
    """The run folder of a network within a comparison's: ``bn_seed0``, ``bn_seed0_fold2``."""
    return f"{name}_seed{seed}" + (f"_fold{re.sub(r'[^-.0-9A-Za-z]', '_', fold)}" if fold else "")


def train_and_score(name: str, recipe: Recipe, judge: Fold, out_dir: Path) -> dict[str, Any]:
    """A row of the table; whatever stops this network is said in it, so that the others go on."""
    seed = recipe.training.seed
    row: dict[str, Any] = {"name": name, "seed": seed, "fold": judge.fold, "error": ""}
    try:
        return row | scored(recipe, judge, out_dir / run_name(name, seed, judge.fold))
    except Exception as error:
        return row | {"error": f"{type(error).__name__}: {error}"}


def scored(recipe: Recipe, judge: Fold, run_dir: Path) -> dict[str, Any]:
    """Train, evaluate, and read what the run folder holds; what either has done before is not done again."""
    options: dict[str, Any] = {"device": judge.device, "num_workers": judge.num_workers}
    history = train(recipe, judge.manifest, run_dir, cache_dir=judge.cache_dir, progress=False, **options)
    run = load_run(run_dir, judge.device)
    data = run.recipe.data
    reader = reader_for(judge.cache_dir, data.short_side, len(judge.videos.rows), data.decoder)
    # Results in the folder may be of older weights or another crop; kept scores say what they are of.
    keep = view_scores_file(run_dir, judge.split)
    predictions = evaluate(run.model, judge.videos, data, judge.views, reader=reader, keep=keep, **options)
    file = str(judge.manifest.file)
    result = write_results(run_dir, predictions, run.classes, judge.views, manifest=file, split=judge.split)
    return {
        **{name: result[name] for name in ("top1", "top5", "clip_top1", "videos")},
        "within_pair": within_pair(predictions.videos, run.classes),
        "loss": float(history["loss"].iloc[-1]),
        "seconds": float(history["seconds"].sum()),
        "parameters": count_parameters(run.model),
    }


def within_pair(predictions: pd.DataFrame, classes: tuple[str, ...]) -> float:
    """The accuracy within the pairs of the synthetic classes; nan for other classes."""
    if set(classes) != set(CLASSES):
        return float("nan")
    return pair_accuracy(list(predictions["label"]), list(predictions["predicted"]))["within_pair"]


def summarize(
    table: pd.DataFrame, *, by: Sequence[str] = ("name",), measures: Sequence[str] = MEASURES
) -> pd.DataFrame:
    """Mean and standard deviation (of a sample; nan for one) over the seeds, in the order of ``table``.

    Columns: ``by``, n (seeds that have the first measure), and for each measure its mean and ``MEASURE_std``. Seeds
    with top-1 0.4 and 0.6 give n 2, top1 0.5 and top1_std 0.141.
    """
    groups = table.groupby(list(by), sort=False)
    columns = {"n": groups[measures[0]].count()}
    for name in measures:
        columns |= {name: groups[name].mean(), f"{name}_std": groups[name].std()}
    return pd.DataFrame(columns).reset_index()
