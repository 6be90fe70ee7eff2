"""Several networks trained and scored alike: the table, what a second call does, and what a failure leaves."""

import json
import logging
import shutil
import subprocess
import sys
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dnrlab import DNRConfig
from dnrlab.cli import main
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.device import Runtime
from dnrlab.evaluation import EvalConfig, evaluate, metrics, read_results
from dnrlab.experiments.sweep import COLUMNS, SweepConfig, summarize, sweep
from dnrlab.models.weights import count_parameters
from dnrlab.plots import batch_figure, gain_figure
from dnrlab.recipes.named import demo, override
from dnrlab.runs.load import load_run
from tests.helpers.paths import PROJECT


def tiny(**changes):
    settings = {"epochs": 1, "batch_size": 10, "crop_size": 16, "short_side": 18, "num_frames": 4}
    return override(demo(), **(settings | changes))


RECIPES = {"bn": tiny(), "dnr": tiny(dnr=DNRConfig(relay_distance=2))}


@pytest.fixture(scope="module")
def compared(synthetic, tmp_path_factory):
    """Two networks and two seeds, trained in two processes: the folder and the table."""
    folder = tmp_path_factory.mktemp("compared")
    return folder, sweep(RECIPES, read_manifest(synthetic), folder, SweepConfig(seeds=[0, 3]), Runtime(num_workers=1))


def test_a_row_a_network_and_seed(compared, synthetic):
    folder, table = compared
    assert list(table.columns) == list(COLUMNS)
    assert list(zip(table["name"], table["seed"], strict=True)) == [("bn", 0), ("bn", 3), ("dnr", 0), ("dnr", 3)]
    assert {path.name for path in folder.iterdir()} == {"bn_seed0", "bn_seed3", "dnr_seed0", "dnr_seed3"}
    assert (table["error"] == "").all()
    assert (table["videos"] == 10).all()
    run, row = load_run(folder / "dnr_seed3"), table.iloc[3]
    assert run.recipe.training.seed == 3
    assert row["parameters"] == count_parameters(run.model)
    history = pd.read_csv(folder / "dnr_seed3" / "history.csv")
    assert (row["loss"], row["seconds"]) == (history["loss"].iloc[-1], history["seconds"].sum())
    videos = select(read_manifest(synthetic), "test")
    predictions = evaluate(run.model, videos, run.recipe.data, EvalConfig(), reader=READER).videos
    expected = metrics(list(predictions["label"]), predictions.iloc[:, -10:].to_numpy(dtype=float), run.classes)
    assert (row["top1"], row["top5"]) == (expected["top1"], expected["top5"])


def test_folds_are_trained_and_scored_each_on_its_own_rows(synthetic, tmp_path):
    rows = pd.read_csv(synthetic)
    rows = rows.assign(path=[str(synthetic.parent / path) for path in rows["path"]], fold=np.arange(len(rows)) % 2)
    rows.to_csv(tmp_path / "folds.csv", index=False)
    manifest = read_manifest(tmp_path / "folds.csv")
    options = {"split_column": "fold", "test_folds": ["0", "1"], "workers": 1}
    table = sweep({"bn": RECIPES["bn"]}, manifest, tmp_path / "runs", SweepConfig(**options))
    assert list(zip(table["name"], table["seed"], table["fold"], strict=True)) == [("bn", 0, "0"), ("bn", 0, "1")]
    tested = [set(read_results(tmp_path / "runs" / f"bn_seed0_fold{fold}", "test")[1]["path"]) for fold in (0, 1)]
    assert tested == [set(rows["path"][rows["fold"] == fold]) for fold in (0, 1)]
    assert json.loads((tmp_path / "runs" / "bn_seed0_fold0" / "config.json").read_text())["training_videos"] == 20
    with pytest.raises(ValueError, match=r"test_fold among the folds \['0', '1'\] of column fold, got '2'"):
        sweep({"bn": RECIPES["bn"]}, manifest, tmp_path / "none", SweepConfig(**(options | {"test_folds": ["0", "2"]})))
    with pytest.raises(ValueError, match=r"expected different test_folds, at least one, got \['0', '0'\]"):
        SweepConfig(**(options | {"test_folds": ["0", "0"]}))
    assert not (tmp_path / "none").exists()


def fails(*_, **__):
    raise AssertionError("nothing is to be done")


def test_a_second_call_trains_and_scores_nothing(compared, synthetic, monkeypatch, caplog):
    folder, table = compared
    monkeypatch.setattr("dnrlab.training.epoch.train_steps", fails)
    monkeypatch.setattr(import_module("dnrlab.evaluation.evaluate").Scorer, "of_views", fails)
    with caplog.at_level(logging.INFO, "dnrlab"):
        again = sweep(RECIPES, read_manifest(synthetic), folder, SweepConfig(seeds=[0, 3], workers=1))
    pd.testing.assert_frame_equal(again, table)
    assert caplog.text.count("10 of 10 videos have scores already") == 4  # a line a run
    assert "anew" not in caplog.text


@pytest.mark.parametrize(
    "words", [[], ["--crop-size", "12"], ["--sampling", "window"]], ids=["weights", "crop", "clips"]
)
def test_results_of_older_weights_or_other_clips_are_not_taken(compared, synthetic, tmp_path, words):
    folder = shutil.copytree(compared[0], tmp_path / "copy")
    run, trained = folder / "bn_seed0", compared[0] / "bn_seed0"
    if not words:  # as of a dnrlab evaluate before the training came to its end
        shutil.copy(folder / "bn_seed3" / "best.safetensors", run)
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(run), "--manifest", str(synthetic), "--cache-dir", "", *words])
    shutil.copy(trained / "best.safetensors", run)
    expected = read_results(trained, "test")[1]
    assert not read_results(run, "test")[1].equals(expected)
    table = sweep({"bn": RECIPES["bn"]}, read_manifest(synthetic), folder, SweepConfig(workers=1))
    pd.testing.assert_frame_equal(read_results(run, "test")[1], expected)
    assert table["top1"].tolist() == compared[1]["top1"].tolist()[:1]


def test_what_was_scored_otherwise_is_scored_anew(compared, synthetic, tmp_path):
    manifest, folder = read_manifest(synthetic), shutil.copytree(compared[0], tmp_path / "copy")
    options = {"split": "val", "views": EvalConfig(num_clips=2), "workers": 1}
    table = sweep({"bn": RECIPES["bn"]}, manifest, folder, SweepConfig(**options))
    assert table["videos"].tolist() == [10]
    assert json.loads((folder / "bn_seed0" / "metrics_val.json").read_text())["views"]["num_clips"] == 2
    assert read_results(folder / "bn_seed0", "test")[0]["views"]["num_clips"] == 1
    assert read_results(folder / "bn_seed0", "other") is None
    sweep({"bn": RECIPES["bn"]}, manifest, folder, SweepConfig(views=EvalConfig(num_clips=2), workers=1))
    assert read_results(folder / "bn_seed0", "test")[0]["views"]["num_clips"] == 2


def test_a_network_that_fails_is_named_and_the_others_go_on(compared, synthetic):
    folder, table = compared
    recipes = {"shifted": tiny(name="tsm_resnet18", interlacing=True), **RECIPES, "other": tiny(lr=0.2)}
    shutil.copytree(folder / "bn_seed0", folder / "other_seed0", dirs_exist_ok=True)
    found = sweep(recipes, read_manifest(synthetic), folder, SweepConfig(workers=1))
    shutil.rmtree(folder / "other_seed0")
    assert found["name"].tolist() == list(recipes)
    assert found["error"].iloc[0].startswith("ValueError: expected no interlacing in tsm_resnet18")
    assert "training.lr: 0.1 -> 0.2" in found["error"].iloc[3]
    assert found["top1"].iloc[1:3].tolist() == table[table["seed"] == 0]["top1"].tolist()
    assert summarize(found)["n"].tolist() == [0, 1, 1, 0]
    with pytest.raises(
        RuntimeError, match=r"expected to train and score 1 networks.*the first: ValueError: expected no"
    ):
        sweep({"shifted": recipes["shifted"]}, read_manifest(synthetic), folder, SweepConfig(workers=1))


def test_what_cannot_be_compared_is_refused_before_any_work(synthetic, tmp_path):
    manifest = read_manifest(synthetic)
    with pytest.raises(ValueError, match=r"expected different seeds, at least one, got \[1, 1\]"):
        SweepConfig(seeds=[1, 1])
    with pytest.raises(ValueError, match="expected workers of at least 1, got 0"):
        SweepConfig(workers=0)
    with pytest.raises(ValueError, match="expected at least one recipe, got none"):
        sweep({}, manifest, tmp_path)
    with pytest.raises(ValueError, match="expected rows of split 'nowhere'"):
        sweep(RECIPES, manifest, tmp_path, SweepConfig(split="nowhere"))
    assert not list(tmp_path.iterdir())


def test_processes_of_torchrun_do_not_all_train_the_same_networks(synthetic, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dnrlab"]
    words = ["spread", "--manifest", str(synthetic), "--out", str(tmp_path / "out"), "--cache-dir", ""]
    done = subprocess.run([*torchrun, *words], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "got one of several ranks of torchrun; start it without torchrun, and set workers (--workers)" in done.stderr
    assert not (tmp_path / "out").exists()


def test_mean_deviation_and_number_of_seeds_on_a_worked_example():
    table = pd.DataFrame({"name": ["b", "b", "a", "a"], "top1": [0.4, 0.6, 0.5, np.nan], "top5": [1.0] * 4})
    summary = summarize(table, measures=("top1", "top5"))
    assert list(summary.columns) == ["name", "n", "top1", "top1_std", "top5", "top5_std"]
    assert summary["name"].tolist() == ["b", "a"]  # in the order of the table
    assert summary["n"].tolist() == [2, 1]
    assert summary["top1"].tolist() == pytest.approx([0.5, 0.5])
    assert summary["top1_std"].tolist() == pytest.approx([0.02**0.5, np.nan], nan_ok=True)
    by_size = summarize(table.assign(size=[2, 4, 2, 4]), by=("name", "size"), measures=("top1",))
    assert by_size["top1"].tolist() == pytest.approx([0.4, 0.6, 0.5, np.nan], nan_ok=True)


def test_gains_are_drawn_in_points_beside_the_papers():
    summary = pd.DataFrame(
        {"name": ["bn", "bi_2"], "label": ["batch norm", "bi"], "gain": [0, 0.2], "gain_std": [0, 0.1]}
        | {"top1": [0.5, 0.7], "paper_gain": [0, 0.0276], "paper_top1": [0.728, 0.7556]}
    )
    seeds = pd.DataFrame({"name": ["bn", "bn", "bi_2", "bi_2"], "gain": [0, 0, 0.1, 0.3]})
    measured, paper = gain_figure(summary, seeds, "finding", "note").axes
    assert measured.lines[0].get_xdata() == pytest.approx([0, 20])
    assert measured.collections[0].get_offsets()[:, 0].tolist() == pytest.approx([0, 0, 10, 30])
    assert paper.lines[0].get_xdata() == pytest.approx([0, 2.76])
    assert [text.get_text() for text in paper.texts] == ["72.8 %", "75.6 %"]
    assert [text.get_text() for text in measured.get_yticklabels()] == ["batch norm", "bi"]
    assert len(gain_figure(summary.assign(paper_gain=[0, np.nan]), seeds, "finding", "note").axes) == 1
    plt.close("all")


def test_accuracy_is_drawn_over_the_batch_size():
    summary = pd.DataFrame(
        {"norm": ["dnr", "dnr", "batch"], "label": ["DNR", "DNR", "batch norm"], "batch_size": [16, 2, 2]}
        | {"top1": [0.9, 0.8, 0.5], "top1_std": [0.1, 0.1, np.nan]}
    )
    (axes,) = batch_figure(summary, summary, "finding", "note", chance=0.1).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["DNR"].get_xydata() == pytest.approx(np.array([[2, 0.8], [16, 0.9]]), rel=0.05)  # a little aside
    assert lines["batch norm"].get_xydata() == pytest.approx(np.array([[2, 0.5]]), rel=0.05)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["2", "16"]
    plt.close("all")
