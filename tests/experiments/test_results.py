"""The numbers of notebooks/results follow from the predictions that are stored there."""

import math
import re
import runpy

import numpy as np
import pandas as pd
import pytest

from dnrlab.batch.archive import dataset_of, norm_of
from dnrlab.batch.execute import defaults_of
from dnrlab.batch.grid import read_grid
from dnrlab.batch.runs import runs_of
from dnrlab.experiments.choice import GROUP, best_of
from dnrlab.experiments.variants import SETTING, VARIANTS, differences, read_table, read_videos
from dnrlab.recipes.parameters import recipe_of
from tests.helpers.grid_networks import know_grid_networks
from tests.helpers.paths import PROJECT

FOLDER = PROJECT / "notebooks" / "results"
ON_TEST = ["main", "parts", "families", "batch_sizes"]
ON_VALIDATION = ["choices", "choices_parts", "reasons"]
TABLES = [*ON_TEST, *ON_VALIDATION]
NOT_RUN = r"evidence_synthetic_choice/.*_epochs4_.*_seed1"  # the only runs of a grid that are not there
COLUMNS = ["dataset", "network", "norm", "interlaced", "fold", "seed", "pixels", "epochs", "top1", "top5"]
COLUMNS += ["evaluated", "total", "command", "machine"]
SETTINGS = ["lr", "epochs"]
DATA_SETS = "synthetic_hard|synthetic|egogestar10|jhmdb21"
INTERVAL = r"[+-]?\d\.\d{3} \[[^\]]*\]"


@pytest.mark.parametrize("name", TABLES)
def test_each_accuracy_follows_from_the_stored_predictions(name):
    table = read_table(FOLDER / f"{name}.csv")
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    for _, row in table.iterrows():
        videos = pd.read_csv(
            FOLDER / "predictions" / row["grid"] / f"{row['run']}.csv", dtype=str, keep_default_na=False
        )
        assert math.isclose((videos["label"] == videos["predicted"]).mean(), row["top1"]), row["run"]
        assert row["evaluated"] == len(videos) <= row["total"]
        assert not videos["path"].str.startswith("/").any()


@pytest.mark.parametrize("name", TABLES)
def test_each_run_is_one_of_a_grid_that_stands_here(name, monkeypatch, tmp_path):
    monkeypatch.chdir(PROJECT)
    know_grid_networks(monkeypatch)
    for grid, rows in read_table(FOLDER / f"{name}.csv").groupby("grid"):
        cells = read_grid(PROJECT / "notebooks" / "batches" / f"{grid}.yaml")
        known = {run.name: run for run in runs_of(cells, tmp_path, counted_by=cells.card or "synthetic").runs}
        assert set(rows["run"]) == {run for run in known if not re.fullmatch(NOT_RUN, f"{grid}/{run}")}
        for _, row in rows.iterrows():
            training, evaluation = known[row["run"]].steps[:2]
            recipe = recipe_of(defaults_of(training.notebook) | training.parameters)
            assert (norm_of(recipe), recipe.model.is_interlaced) == (row["norm"], row["interlaced"]), row["run"]
            options, model = recipe.training, recipe.model
            assert (model.name, model.width, recipe.data.crop_size) == (row["network"], row["width"], row["pixels"])
            found = (options.seed, options.epochs, options.lr, options.batch_size)
            assert found == tuple(row[["seed", "epochs", "lr", "batch_size"]]), row["run"]
            assert evaluation.parameters.get("test_fold", "") == row["fold"]
            assert dataset_of(str(evaluation.parameters["manifest"])) == row["dataset"]
            assert evaluation.parameters.get("split", "test") == ("test" if name in ON_TEST else "val")


@pytest.mark.parametrize("dataset", ["egogestar10", "jhmdb21"])
def test_real_runs_were_scored_on_the_splits_that_stand_here(dataset):
    known = pd.read_csv(PROJECT / "data_manifests" / f"{dataset}.csv", dtype=str, keep_default_na=False)
    videos = read_videos(FOLDER / "main.csv")
    for (fold, run), own in videos[videos["dataset"] == dataset].groupby(["fold", "run"]):
        scored = known[known["fold"] == fold] if fold else known[known["split"] == "test"]
        assert set(zip(own["path"], own["label"], strict=True)) == set(
            zip(scored["path"], scored["label"], strict=True)
        ), run


def test_predictions_without_a_row_are_not_stored():
    stored = {path.relative_to(FOLDER / "predictions").as_posix() for path in FOLDER.glob("predictions/*/*.csv")}
    rows = pd.concat([read_table(FOLDER / f"{name}.csv") for name in TABLES])
    assert stored == {f"{row['grid']}/{row['run']}.csv" for _, row in rows.iterrows()}


@pytest.mark.skipif(not (FOLDER / "heat.csv").is_file(), reason="no heat is stored")
def test_each_mean_of_heat_follows_from_the_stored_videos():
    found = pd.read_csv(FOLDER / "heat.csv", keep_default_na=False)
    for (grid, notebook), rows in found.groupby(["grid", "notebook"]):
        maps = pd.read_csv(FOLDER / "heat" / grid / f"{notebook}.csv")
        means = maps.drop(columns="path").groupby("network").mean()
        assert len(rows) == means.size
        for _, row in rows.iterrows():
            names = {f"{row['network']}_seed{row['repeat']}", f"{row['network']}_fold{row['repeat']}", row["network"]}
            own = [name for name in means.index if name in names or name.endswith(f", {row['network']}")]
            assert np.isclose(means.loc[own, row["measure"]], row["mean"]).any()
    stored = {path.relative_to(FOLDER / "heat").with_suffix("").as_posix() for path in FOLDER.glob("heat/*/*.csv")}
    assert stored == set(found["grid"] + "/" + found["notebook"])


def test_each_accuracy_with_the_relay_cut_follows_from_the_stored_predictions():
    found = pd.read_csv(FOLDER / "dynamics.csv", keep_default_na=False)
    cuts = {"whole relay": "none", "relay cut": "both", "relay over time cut": "over time"}
    cuts |= {"relay over layers cut": "over layers"}
    assert set(found["measure"]) >= set(cuts)
    for (grid, notebook), rows in found[found["measure"].isin(cuts)].groupby(["grid", "notebook"]):
        videos = pd.read_csv(FOLDER / "dynamics" / grid / f"{notebook}.csv", dtype=str, keep_default_na=False)
        assert set(rows["measure"]) == set(cuts)
        assert (rows["videos"] == len(videos)).all()
        means = [(videos[cuts[measure]] == videos["label"]).mean() for measure in rows["measure"]]
        assert np.allclose(rows["mean"], means)
    stored = {path.relative_to(FOLDER / "dynamics").with_suffix("") for path in FOLDER.glob("dynamics/*/*.csv")}
    assert {path.as_posix() for path in stored} == set(found["grid"] + "/" + found["notebook"])


def test_main_runs_have_the_settings_that_validation_chose():
    chosen = pd.concat([best_of(own, SETTINGS) for _, own in read_table(FOLDER / "choices.csv").groupby([*SETTING])])
    main = read_table(FOLDER / "main.csv").merge(chosen, on=list(GROUP), how="left", suffixes=("", "_chosen"))
    for name in SETTINGS:
        assert (main[name] == main[f"{name}_chosen"]).all(), main.loc[main[name] != main[f"{name}_chosen"], "run"]


def test_the_page_of_tables_is_what_its_script_writes(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    assert runpy.run_path(str(FOLDER / "tables.py"))["page"]() == (FOLDER / "TABLES.md").read_text()


def test_the_figure_shows_differences_of_the_stored_predictions():
    stored = pd.read_csv(FOLDER / "differences.csv", keep_default_na=False).set_index(["dataset", "baseline", "other"])
    found = differences(read_videos(FOLDER / "main.csv")).set_index(["dataset", "baseline", "other"])
    numbers = found.select_dtypes("number").columns
    pd.testing.assert_frame_equal(stored[numbers], found[numbers], check_dtype=False)


def test_the_whole_relay_of_notebook_04_has_the_accuracy_of_the_run():
    main, videos = read_table(FOLDER / "main.csv"), pd.read_csv(FOLDER / "dynamics.csv")
    main["repeat"] = main["fold"].where(main["fold"] != "", main["seed"].astype(str)).astype(int)
    main["network"] = [VARIANTS[key] for key in zip(main["norm"], main["interlaced"], strict=True)]
    videos = videos[videos["measure"] == "whole relay"]
    both = videos.merge(main, on=["grid", "network", "repeat"], validate="1:1")
    assert len(both) == len(videos) > 0
    assert np.allclose(both["mean"], both["top1"])


def test_each_number_with_an_interval_stands_in_a_table_and_beside_its_data_set():
    """A number is of the data set that its part of a cell begins with, or else its row; in prose of any."""
    report, tables = ((FOLDER / name).read_text() for name in ("RESULTS.md", "TABLES.md"))
    checked = []
    for line in report.splitlines():
        of_row = re.match(rf"\| ({DATA_SETS}) \|", line)
        for part in re.split(r"<br>|\| ", line):
            dataset = re.match(rf"({DATA_SETS})\b", part) or of_row
            start = f"| {dataset[1]} |" if dataset else "| "
            for number in re.findall(INTERVAL, part):
                rows = [row for row in tables.splitlines() if number in row and row.startswith(start)]
                assert rows, f"{number} in no row that begins with {start!r}"
                checked.append(start)
    assert len(checked) > 40
    assert len([start for start in checked if start != "| "]) > 20


def test_batches_of_another_table_and_missing_ones_are_not_archived(tmp_path):
    check = runpy.run_path(str(FOLDER / "archive.py"))["check_arguments"]
    (tmp_path / "evidence_hard").mkdir()
    check(["main", str(tmp_path / "evidence_hard")])
    for arguments, words in (
        ([], "got nothing"),
        (["main"], "got main"),
        (["others", "evidence_hard"], "got others evidence_hard"),
        (["choices", str(tmp_path / "evidence_hard")], r"_choice for choices, got .*evidence_hard; correct it"),
        (["main", str(tmp_path / "evidence_synthetic")], "got no folder .*; run its grid first"),
    ):
        with pytest.raises(SystemExit, match=words):
            check(arguments)
