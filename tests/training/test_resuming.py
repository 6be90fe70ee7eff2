"""Stopped runs go on to the same weights; what is in a run folder is not lost."""

import errno
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from dnrlab.data.manifest import read_manifest
from dnrlab.device import Runtime
from dnrlab.files import atomic_write
from dnrlab.runs.load import load_run
from dnrlab.training.checkpoint import load_checkpoint
from dnrlab.training.loop import Sums, train_steps
from dnrlab.training.state import fresh_state
from dnrlab.training.train import train
from tests.helpers.full_disk import fill_disk
from tests.helpers.trainings import interrupt, same, tiny, weights


def test_a_stopped_run_goes_on_to_the_same_weights(finished, synthetic, tmp_path, monkeypatch):
    run_dir, history = finished
    interrupt(monkeypatch, call=2)
    manifest, stopped = read_manifest(synthetic), tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), manifest, stopped)
    assert len(pd.read_csv(stopped / "history.csv")) == 1
    torch.manual_seed(123)  # whatever state the new process is in
    resumed = train(tiny(), manifest, stopped)
    assert list(resumed["loss"]) == list(history["loss"])
    assert same(weights(stopped), weights(run_dir))
    assert "resumed at step 2 of 6" in (stopped / "log.txt").read_text()


def test_a_finished_run_is_left_as_it_is(finished, synthetic):
    run_dir, history = finished
    before = weights(run_dir)
    pd.testing.assert_frame_equal(train(tiny(), read_manifest(synthetic), run_dir), history)
    assert same(weights(run_dir), before)


def test_a_full_disk_is_named_and_the_last_good_file_stays(tmp_path):
    file = tmp_path / "checkpoint.pt"
    with atomic_write(file) as unfinished:
        unfinished.write_text("good")

    def write_half():
        with atomic_write(file) as unfinished:
            unfinished.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left.*the old file is unchanged; free space"):
        write_half()
    assert file.read_text() == "good"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_stops_a_checkpoint_with_a_sentence(tmp_path, monkeypatch):
    fill_disk(monkeypatch, "checkpoint.pt")

    def write():
        with atomic_write(tmp_path / "checkpoint.pt") as unfinished:
            torch.save({"weights": torch.zeros(100_000)}, unfinished)

    with pytest.raises(OSError, match=r"checkpoint.pt could not be written .*; free space"):
        write()


def test_a_folder_of_another_run_is_refused_with_what_differs(finished, synthetic):
    run_dir, _ = finished
    with pytest.raises(
        ValueError, match=r"expected the configuration of .*, got another:\n  training.lr: 0.1 -> 0.2\n"
    ):
        train(tiny(lr=0.2), read_manifest(synthetic), run_dir)


def test_weights_of_another_run_are_not_lost_for_want_of_its_checkpoint(finished, synthetic, tmp_path):
    copy = shutil.copytree(finished[0], tmp_path / "copy")
    (copy / "checkpoint.pt").unlink()
    best = (copy / "best.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"the configuration of .*config.json, got another:\n  training.lr: 0.1 ->"):
        train(tiny(lr=0.2), read_manifest(synthetic), copy)
    assert (copy / "best.safetensors").read_bytes() == best


def test_a_run_from_before_a_setting_existed_opens_and_resumes(finished, synthetic, tmp_path):
    run_dir, history = finished
    old = shutil.copytree(run_dir, tmp_path / "old")
    state, config = torch.load(old / "checkpoint.pt", weights_only=True), json.loads((old / "config.json").read_text())
    del state["config"]["model"]["norm"], config["model"]["norm"], state["config"]["training_rows"]
    torch.save(state, old / "checkpoint.pt")
    (old / "config.json").write_text(json.dumps(config))
    assert load_run(old).recipe == tiny()
    pd.testing.assert_frame_equal(train(tiny(), read_manifest(synthetic), old), history)


def test_a_changed_manifest_is_refused_rather_than_miscounted(finished, synthetic, tmp_path):
    run_dir, _ = finished
    read_manifest(synthetic).rows.iloc[1:].to_csv(tmp_path / "fewer.csv", index=False)
    with pytest.raises(ValueError, match=r"training_videos: 20 -> 19"):
        train(tiny(), read_manifest(tmp_path / "fewer.csv"), run_dir)


def test_as_many_other_videos_are_refused_and_the_same_elsewhere_are_not(finished, synthetic, tmp_path):
    run_dir, history = finished
    rows = read_manifest(synthetic).rows
    moved = rows.assign(path=[str(tmp_path / Path(path).relative_to(synthetic.parent)) for path in rows["path"]])
    moved.to_csv(tmp_path / "moved.csv", index=False)
    again = train(tiny(), read_manifest(tmp_path / "moved.csv"), run_dir)
    pd.testing.assert_frame_equal(again, history)
    other = rows.assign(split=rows["split"].map({"train": "test", "test": "train", "val": "train"}))
    other.to_csv(tmp_path / "other.csv", index=False)
    assert (other["split"] == "train").sum() == (rows["split"] == "train").sum()
    with pytest.raises(ValueError, match=r"got another:\n  training_rows: '\w+' -> '\w+'\n"):
        train(tiny(), read_manifest(tmp_path / "other.csv"), run_dir)


def test_a_run_that_started_from_another_can_resume_without_it(finished, synthetic, tmp_path):
    run_dir, _ = finished
    shutil.copytree(run_dir, tmp_path / "first")
    settings = {"initial_weights": str(tmp_path / "first"), "epochs": 1, "lr": 1e-9, "warmup_iterations": 0}
    history = train(tiny(**settings), read_manifest(synthetic), tmp_path / "tuned")
    name = "layer1.0.conv1.weight"
    torch.testing.assert_close(weights(tmp_path / "tuned")[name], weights(run_dir)[name])
    shutil.rmtree(tmp_path / "first")
    again = train(tiny(**settings), read_manifest(synthetic), tmp_path / "tuned")
    pd.testing.assert_frame_equal(again, history)


def test_a_loss_that_is_not_finite_names_the_last_good_checkpoint(synthetic, tmp_path, monkeypatch):
    manifest, recipe = read_manifest(synthetic), tiny(checkpoint_every=1)

    def diverges(model, batches, optimizer, schedule, **settings):
        if schedule.last_epoch == 3:
            model.network.fc.weight.data.fill_(float("inf"))
        return train_steps(model, batches, optimizer, schedule, **settings)

    monkeypatch.setattr("dnrlab.training.epoch.train_steps", diverges)
    with pytest.raises(
        FloatingPointError, match=r"not finite at step 3 \(learning rate 0.\d+\).*checkpoint.pt of step 3"
    ):
        train(recipe, manifest, tmp_path / "run")
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    assert all(value.isfinite().all() for value in state["model"].values())
    assert len(pd.read_csv(tmp_path / "run" / "history.csv")) == 1


def test_a_checkpoint_within_an_epoch_holds_what_the_epoch_gave_so_far(finished, synthetic, tmp_path, monkeypatch):
    run_dir, history = finished
    interrupt(monkeypatch, call=4)
    recipe, manifest = tiny(checkpoint_every=1), read_manifest(synthetic)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, manifest, tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (state["step"], state["so_far"]["clips"], state["so_far"]["steps"]) == (3, 8, 1)
    resumed = train(tiny(checkpoint_every=5), manifest, tmp_path)  # it may differ
    same_columns = ["epoch", "lr", "loss", "top1", "clips", "skipped", "val_top1"]
    pd.testing.assert_frame_equal(resumed[same_columns], history[same_columns], check_exact=False, rtol=1e-6)
    assert same(weights(tmp_path), weights(run_dir))
    assert "resumed at step 3 of 6" in (tmp_path / "log.txt").read_text()


def test_a_checkpoint_with_the_older_name_of_correct_clips_can_be_read(finished, tmp_path):
    saved = torch.load(finished[0] / "checkpoint.pt", weights_only=True)
    torch.save(saved | {"so_far": {"loss": 2.5, "right": 3.0, "clips": 4, "steps": 1}}, tmp_path / "checkpoint.pt")
    state = fresh_state(tiny(), len(saved["classes"]), 2, "cpu")
    _, so_far = load_checkpoint(tmp_path / "checkpoint.pt", *state, config=saved["config"], device="cpu")
    assert so_far == Sums(loss=2.5, correct=3.0, clips=4, steps=1)


@pytest.mark.needs_cuda
def test_a_gpu_trains_resumes_within_an_epoch_and_evaluates(synthetic, tmp_path, monkeypatch):
    manifest, recipe = read_manifest(synthetic), tiny(checkpoint_every=1)
    whole = train(recipe, manifest, tmp_path / "whole", Runtime(device="cuda"))
    interrupt(monkeypatch, call=4)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, manifest, tmp_path / "stopped", Runtime(device="cuda"))
    resumed = train(recipe, manifest, tmp_path / "stopped", Runtime(device="cuda"))
    assert "resumed at step 3 of 6" in (tmp_path / "stopped" / "log.txt").read_text()
    assert list(resumed["loss"]) == pytest.approx(list(whole["loss"]), rel=0.1)  # its kernels need not repeat bits
    assert torch.load(tmp_path / "stopped" / "checkpoint.pt", weights_only=True)["rng"]["cuda"].numel()
