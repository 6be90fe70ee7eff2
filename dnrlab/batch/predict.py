"""How long the trainings and tests of a grid will take, before anything runs: from steps and reading measured here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.batch.execute import defaults_of
from dnrlab.batch.plan import Task
from dnrlab.batch.run import Run
from dnrlab.batch.runs import SPLITTING, evaluates, trains
from dnrlab.bench.budget import Reading, Work, budget, clip_speeds, scaling, work_of
from dnrlab.bench.reading import loader_speeds, video_speed
from dnrlab.bench.steps import StepConfig, measure_steps
from dnrlab.data.cards import Card, card_of
from dnrlab.data.dataset import TrainingClips, VideoViews
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.manifest import Manifest, open_manifest, split_by
from dnrlab.data.overview import rows_to_show
from dnrlab.data.synthetic.make import SETS
from dnrlab.recipes.config import Recipe
from dnrlab.recipes.parameters import recipe_of

CLIP_PIXELS = 8 * 224**2  # of the clips of a measured step on a CPU; a GPU takes 16 times as many
WORKERS = 2  # that read


def predict(tasks: Sequence[Task], card: str, device: str, report: Callable[[str], None]) -> pd.DataFrame:
    """The predicted hours of each run on one device, from a few steps of each network and a little reading.

    Only notebooks that have to run are counted. A training that goes on is counted whole.

    Args:
        tasks: what the runs have to do.
        card: name of the data set's card, whose counts are taken where the manifest is not here; '' without one.
        device: where steps are measured.
        report: called with a line before each measurement.

    Returns: run, training_videos, epochs, test_videos, views (per test video), training_hours, testing_hours, hours;
        nan where a run neither trains nor tests. Notebooks that do other work are not counted.
    """
    speeds: dict[Any, pd.DataFrame] = {}
    readings: dict[Any, Reading] = {}
    rows = []
    for task in tasks:
        run, todo = task.run, {step.name for step, _ in task.todo}
        training = next((step for step in run.steps if trains(step)), None)
        if training is None:
            rows.append({"run": run.name})
            continue
        given = {**defaults_of(training.notebook), **training.parameters}
        recipe, views = recipe_of(given), views_of(run)
        counted = card_for(given, card)
        work = work_of(recipe, counted, views=views[0] * views[1])
        shape = (recipe.model, recipe.data.num_frames, recipe.data.crop_size, counted.classes, clips_of(recipe, device))
        if shape not in speeds:
            report(f"measuring steps of {run.name}")
            speeds[shape] = steps_of(recipe, counted.classes or 400, device)
        videos, what = videos_of(str(given["manifest"]))
        read = (recipe.data, what, views)
        if read not in readings:
            report(f"measuring reading of {what}")
            readings[read] = reading_of(videos, recipe, views)
        row = row_of(work, recipe, views, speeds[shape], readings[read], device)
        row["training_hours"] *= training.name in todo
        row["testing_hours"] *= any(evaluates(step) and step.name in todo for step in run.steps)
        rows.append({"run": run.name, **row, "hours": row["training_hours"] + row["testing_hours"]})
    return pd.DataFrame(rows)


def row_of(
    work: Work, recipe: Recipe, views: tuple[int, int], speeds: pd.DataFrame, reading: Reading, device: str
) -> dict[str, Any]:
    """The row of ``predict`` of one run."""
    hours = budget(work, speeds, reading, devices=[1], shared=device == "cpu").set_index("task")["hours"]
    training = float(hours["training"] + hours["validation"])
    return {
        "training_videos": work.training_videos,
        "epochs": recipe.training.epochs,
        "test_videos": work.test_videos,
        "views": views[0] * views[1],
        "training_hours": training,
        "testing_hours": float(hours["testing"]),
    }


def views_of(run: Run) -> tuple[int, int]:
    """Clips and crops per test video, from the notebook of the run that evaluates; 1 and 1 without one."""
    for step in reversed(run.steps):
        values = {**defaults_of(step.notebook), **step.parameters}
        if "num_clips" in values and "num_crops" in values:
            return int(values["num_clips"]), int(values["num_crops"])
    return 1, 1


def card_for(given: Mapping[str, Any], card: str) -> Card:
    """Counts of videos: those of the manifest if it is here, else those of the card.

    Raises: ValueError if there is neither.
    """
    name = str(given["manifest"])
    if name in SETS or Path(name).expanduser().is_file():
        videos = split_by(open_manifest(name), *(str(given.get(each, "")) for each in SPLITTING))
        splits = videos.rows["split"] if "split" in videos.rows else pd.Series(["train"] * len(videos.rows))
        counts = {str(split): int(number) for split, number in splits.value_counts().items()}
        counts = {"test": counts.get("val", counts.get("train", 0)), **counts}
        unknown: dict[str, Any] = {"source": "", "licence": None, "flip": "none", "layout": ""}
        return Card(name=Path(name).stem, title=name, classes=len(videos.classes), counts=counts, **unknown)
    if not card:
        raise ValueError(f"expected the manifest {name} or a card in the grid, got neither; add card: NAME to the grid")
    return card_of(card)


def videos_of(name: str) -> tuple[Manifest, str]:
    """Videos to measure reading with: the manifest's if it is here, else the synthetic ones; and their name."""
    if name in SETS or Path(name).expanduser().is_file():
        return open_manifest(name), Path(name).name
    return open_manifest("synthetic"), "the synthetic videos, which are lighter than most"


def steps_of(recipe: Recipe, num_classes: int, device: str) -> pd.DataFrame:
    """Clips per second of training and testing in one process."""
    clips = clips_of(recipe, device)
    config = StepConfig(processes=(1,), batch_size=clips, num_steps=2, rounds=2, num_classes=num_classes)
    return scaling(clip_speeds(measure_steps(recipe, config, device=device)))


def clips_of(recipe: Recipe, device: str) -> int:
    """Clips of a measured step: those of the training, as far as memory and time let."""
    size = recipe.data.num_frames * recipe.data.frames_per_segment * recipe.data.crop_size**2
    return max(min(CLIP_PIXELS * (16 if device != "cpu" else 1) // size, recipe.training.batch_size), 1)


def reading_of(videos: Manifest, recipe: Recipe, views: tuple[int, int]) -> Reading:
    """Clips per second in training, and videos per second in a test with these clips and crops."""
    data = recipe.data
    reader = reader_for("", data.short_side, len(videos.rows), data.decoder)
    clips = TrainingClips(videos, data, reader, 0)
    loaded = loader_speeds(clips, batch_size=4, workers=[WORKERS], num_batches=3)
    some = replace(videos, rows=videos.rows.iloc[rows_to_show(videos, 8)])
    tested = VideoViews(some, data, reader, num_clips=views[0], num_crops=views[1])
    return Reading(float(loaded["clips_per_second"].iloc[0]), video_speed(tested, num_workers=WORKERS, rounds=1))
