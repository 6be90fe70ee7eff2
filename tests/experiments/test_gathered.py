"""Trainings of a batch as the table of a sweep."""

import shutil

import pandas as pd
import pytest

from dnrlab.data.manifest import read_manifest
from dnrlab.device import ON_CPU
from dnrlab.experiments.gathered import done_rows, read_sweep
from dnrlab.experiments.sweep import SweepConfig, sweep
from tests.helpers.once import made_once
from tests.helpers.trainings import tiny

RECIPES = {"bn": tiny(dnr=None, epochs=1, warmup_iterations=0), "dnr": tiny(epochs=1, warmup_iterations=0)}


@pytest.fixture(scope="module")
def swept(synthetic, tmp_path_factory):
    """The folder of a sweep with two seeds, and beside its runs a results.csv as a batch writes it."""

    def make(folder):
        table = sweep(RECIPES, read_manifest(synthetic), folder, SweepConfig(seeds=(0, 1), workers=1), ON_CPU)
        table.to_csv(folder / "swept.csv", index=False)
        names = [f"{name}_seed{seed}" for name, seed in zip(table["name"], table["seed"], strict=True)]
        rows = {
            "run": names,
            "state": "done",
            "folder": names,
            "loss": table["loss"],
            "training_seconds": table["seconds"],
        }
        pd.DataFrame(rows).iloc[::-1].to_csv(folder / "results.csv", index=False)

    return made_once(tmp_path_factory, "gathered", make)


def test_the_table_is_that_of_the_sweep(swept):
    expected = pd.read_csv(swept / "swept.csv", keep_default_na=False)
    found = read_sweep(swept / "results.csv", RECIPES).sort_values(["name", "seed"]).reset_index(drop=True)
    assert found[["name", "error"]].values.tolist() == expected[["name", "error"]].values.tolist()
    for name in ("seed", "top1", "top5", "clip_top1", "videos", "within_pair", "parameters"):
        assert found[name].tolist() == pytest.approx(expected[name].tolist()), name


def test_networks_without_runs_are_named(swept):
    other = RECIPES | {"wide": tiny(epochs=1, warmup_iterations=0, width=16)}
    with pytest.raises(ValueError, match=r"expected finished and evaluated runs .* got none of wide; add"):
        read_sweep(swept / "results.csv", other)
    with pytest.raises(ValueError, match="got none of bn, dnr"):
        read_sweep(swept / "results.csv", RECIPES, split="val")


def test_a_table_without_finished_runs_is_refused(swept, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected results\.csv of a batch"):
        done_rows(tmp_path / "results.csv")
    shutil.copy(swept / "results.csv", tmp_path / "results.csv")
    table = pd.read_csv(tmp_path / "results.csv").assign(state="failed")
    table.to_csv(tmp_path / "results.csv", index=False)
    with pytest.raises(ValueError, match="expected finished runs"):
        done_rows(tmp_path / "results.csv")
