"""Results of batches that stay when run folders are gone."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from dnrlab.batch.archive import archive, loss_of
from dnrlab.evaluation import EvalConfig, write_results
from dnrlab.evaluation.video_scores import SCORE, Predictions
from dnrlab.experiments.variants import read_table
from dnrlab.recipes.config import recipe_to_dict
from dnrlab.relay import DNRConfig
from tests.helpers.trainings import tiny

CLASSES = ("a", "b")


def finished(folder, recipe, predicted, *, manifest="data/some/manifest.csv", given=None, state="done"):
    """A run folder of a batch with results of four test videos, labels a, a, b, b."""
    folder.mkdir(parents=True)
    config = recipe_to_dict(recipe) | {"classes": list(CLASSES)}
    (folder / "config.json").write_text(json.dumps(config))
    step = {
        "state": state,
        "parameters": given or {},
        "machine": {"cores": 2, "processor": "X", "torch": "2", "threads": 1},
        "seconds": 7.5,
    }
    (folder / "02_evaluate.state.json").write_text(json.dumps(step))
    (folder / "01_train.state.json").write_text(json.dumps({"state": "done", "seconds": 3.0}))
    (folder / "03_gradcam.state.json").write_text(json.dumps({"state": "failed", "seconds": 9.0}))
    table = pd.DataFrame({"path": [f"/x/some/clips/{n}.mp4" for n in range(4)], "label": list("aabb"), "source": "s"})
    table["predicted"] = list(predicted)
    for name in CLASSES:
        table[SCORE + name] = (table["predicted"] == name) * 0.5 + 0.25
    skipped = pd.DataFrame({"path": ["/x/some/clips/9.mp4"], "label": ["a"], "reason": ["gone"]})
    views = pd.DataFrame({"clip": [0], "crop": [0], "top1": [0.5]})
    write_results(folder, Predictions(table, skipped, views), CLASSES, EvalConfig(), manifest=manifest, split="test")


@pytest.fixture
def batch(tmp_path):
    folder = tmp_path / "batches" / "grid"
    finished(folder / "bn", tiny(dnr=None), "abab", given={"test_fold": "3"})
    finished(folder / "both", tiny(dnr=DNRConfig(), interlacing=None), "aabb", given={"test_fold": "3"})
    finished(folder / "gn", tiny(dnr=None, norm="group", interlacing=True), "aaaa")
    (folder / "unfinished").mkdir()
    (folder / "unfinished" / "config.json").write_text("{}")
    return folder


def test_a_row_says_what_ran_and_its_accuracy_follows_from_the_stored_predictions(batch, tmp_path):
    table = archive(batch, tmp_path / "results" / "main.csv", "dnrlab batch x.yaml")
    rows = table.set_index("run")
    assert rows["norm"].to_dict() == {"bn": "bn", "both": "relay", "gn": "gn"}
    assert rows["interlaced"].to_dict() == {"bn": False, "both": True, "gn": True}
    assert rows["fold"].to_dict() == {"bn": "3", "both": "3", "gn": ""}
    assert (rows["dataset"] == "some").all()
    assert rows[["evaluated", "total"]].to_numpy().tolist() == [[4, 5]] * 3
    for run, row in rows.iterrows():
        videos = pd.read_csv(tmp_path / "results" / "predictions" / "grid" / f"{run}.csv")
        assert row["top1"] == (videos["label"] == videos["predicted"]).mean()
        assert list(videos) == ["path", "source", "label", "predicted"]
        assert videos["path"].tolist() == [f"clips/{n}.mp4" for n in range(4)]  # no path of a machine
    assert rows.loc["bn", "command"] == "dnrlab batch x.yaml --only bn"
    assert (rows["threads"] == 1).all()
    assert rows.loc["bn", "seconds"] == 10.5  # training and evaluation; what failed does not count
    assert rows.loc["bn", "loss"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)


def test_an_archive_grows_and_rows_of_the_same_run_are_replaced(batch, tmp_path):
    file = tmp_path / "main.csv"
    assert archive(batch, file, "").set_index("run")["top1"].to_dict() == {"bn": 0.5, "both": 1.0, "gn": 0.5}
    shutil.rmtree(batch / "gn")
    finished(batch / "gn", tiny(dnr=None, norm="group", interlacing=True), "abbb")
    assert archive(batch, file, "").set_index("run")["top1"].to_dict() == {"bn": 0.5, "both": 1.0, "gn": 0.75}
    finished(batch.parent / "other" / "bn", tiny(dnr=None), "aabb")
    both = archive(batch.parent / "other", file, "")
    assert both[["grid", "run"]].values.tolist()[-1] == ["other", "bn"]
    assert len(both) == len(read_table(file)) == 4
    assert read_table(file)["fold"].tolist() == ["3", "3", "", ""]


def test_evaluations_that_are_not_finished_or_of_another_split_do_not_count(batch, tmp_path):
    shutil.rmtree(batch / "gn")
    finished(batch / "gn", tiny(dnr=None, norm="group"), "abbb", state="running")
    assert set(archive(batch, tmp_path / "main.csv", "")["run"]) == {"bn", "both"}
    with pytest.raises(ValueError, match=r"expected runs that are evaluated on split 'val' in .*grid, got none"):
        archive(batch, tmp_path / "choices.csv", "", "val")
    assert not (tmp_path / "choices.csv").exists()


def test_videos_outside_of_the_folder_of_their_manifest_are_refused(batch, tmp_path):
    finished(batch / "odd", tiny(dnr=None), "aabb", manifest="elsewhere/other/manifest.csv")
    with pytest.raises(ValueError, match=r"got /x/some/clips/0\.mp4; put a manifest beside the videos"):
        archive(batch, tmp_path / "main.csv", "")


def test_a_network_with_its_own_shift_is_not_interlaced_by_dnr():
    assert not tiny(name="tsm_resnet18", interlacing=None).model.is_interlaced
    assert tiny(interlacing=None).model.is_interlaced
    assert not tiny(dnr=None, interlacing=None).model.is_interlaced


def test_the_loss_is_the_mean_cross_entropy_in_any_order_of_the_classes():
    videos = pd.DataFrame({"label": ["a", "b"], SCORE + "b": [0.5, 1.0], SCORE + "a": [0.5, 0.0]})
    assert loss_of(videos) == pytest.approx(np.log(2) / 2)
