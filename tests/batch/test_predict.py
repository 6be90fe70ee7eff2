"""The hours of a grid before anything runs."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dnrlab.batch import predict as module
from dnrlab.batch.batch import BatchConfig
from dnrlab.batch.grid import read_grid
from dnrlab.batch.plan import task_of
from dnrlab.batch.predict import card_for, predict, views_of
from dnrlab.batch.runs import runs_of
from dnrlab.bench.budget import Reading
from dnrlab.cli import batch as cli
from tests.helpers.paths import PROJECT

GRIDS = PROJECT / "notebooks" / "batches"


@pytest.fixture
def measured(monkeypatch):
    """Speeds of 2 clips per second in training, 8 in testing, and reading that takes no time; and what was measured."""
    asked = []
    speeds = pd.DataFrame({"kind": ["training", "testing"], "processes": 1, "clips_per_second": [2.0, 8.0]})
    speeds = speeds.assign(clips_per_second_low=[2.0, 8.0], clips_per_second_high=[2.0, 8.0])
    monkeypatch.setattr(module, "steps_of", lambda recipe, *_: asked.append(recipe.model) or speeds)
    monkeypatch.setattr(module, "reading_of", lambda *_: Reading(float("inf"), float("inf")))
    monkeypatch.chdir(PROJECT)
    return asked


def test_a_set_that_is_not_here_is_counted_by_its_card(measured):
    grid = read_grid(GRIDS / "paper_direction.yaml")
    runs = runs_of(grid, Path("out"), counted_by=grid.card).runs
    tasks = [task_of(run) for run in runs]
    table = predict(tasks, grid.card, "cpu", lambda line: None)
    assert len(table) == 15
    assert len(measured) == 5  # once for each network, not for each seed
    first = table.iloc[0]
    assert (first["training_videos"], first["test_videos"], first["epochs"], first["views"]) == (80_000, 5_000, 120, 30)
    steps = 120 * 80_000 + 120 * 5_000 / 4  # clips in training, and a quarter as long for each view of validation
    assert first["training_hours"] == pytest.approx(steps / 2 / 3600)
    assert first["testing_hours"] == pytest.approx(5_000 * 30 / 8 / 3600)
    rest = replace(tasks[0], reasons=("", "failed before"))  # the training is done
    table = predict([rest], grid.card, "cpu", lambda line: None)
    assert table["training_hours"].tolist() == [0]
    assert table["hours"].tolist() == [first["testing_hours"]]


def test_a_manifest_that_is_here_is_counted(synthetic, measured):
    card = card_for({"manifest": str(synthetic)}, "")
    assert (card.counts, card.classes) == ({"test": 10, "train": 20, "val": 10}, 10)
    with pytest.raises(ValueError, match=r"expected the manifest none\.csv or a card in the grid, got neither"):
        card_for({"manifest": "none.csv"}, "")


def test_a_run_that_does_not_train_has_no_hours(measured):
    grid = read_grid(GRIDS / "paper_speed.yaml")
    table = predict([task_of(run) for run in runs_of(grid, Path("out")).runs], "", "cpu", lambda line: None)
    assert table.to_dict("list") == {"run": ["seed0", "seed1", "seed2"]}
    assert measured == []


def test_views_are_those_of_the_notebook_that_evaluates():
    grid = read_grid(GRIDS / "paper_accuracy.yaml")
    assert views_of(runs_of(grid, Path("out"), counted_by="kinetics400").runs[0]) == (10, 3)


def test_notebooks_on_one_cpu_are_not_faster_together(monkeypatch):
    monkeypatch.setattr(cli, "visible_gpus", lambda: ["0", "1", "2"])
    four = BatchConfig(workers=4)
    assert cli.Batch(grid="grid.yaml", out="out", config=four).devices("cpu") == 1
    assert cli.Batch(grid="grid.yaml", out="out", config=four).devices("cuda") == 3
    assert cli.Batch(grid="grid.yaml", out="out", config=replace(four, scheduler="tcp://a:1")).devices("cpu") == 4
