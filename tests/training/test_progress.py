"""What a person sees of a training: time left, lines, TensorBoard's curves, and a log followed from another process."""

import json
import logging
import os
import subprocess
import sys
import time

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dnrlab.data.manifest import read_manifest
from dnrlab.device import Runtime
from dnrlab.distributed import World
from dnrlab.runs.folder import FATAL_ERROR
from dnrlab.training.fatal_errors import no_restart
from dnrlab.training.launch import follow_log, launch_training
from dnrlab.training.progress import Clock, epoch_line, step_line, tensorboard
from dnrlab.training.train import train
from tests.helpers.trainings import tiny

ROW = {"epoch": 2, "loss": 1.2034, "top1": 0.518, "clips": 82, "skipped": 0, "seconds": 2.0, "val_top1": float("nan")}


def test_the_time_left_is_that_of_the_steps_of_this_call(monkeypatch):
    clock = Clock(100, 400)
    monkeypatch.setattr(time, "perf_counter", lambda: clock.start + 60)  # 100 steps in a minute, 200 to go
    assert clock.left(200) == "  2.0 minutes left"
    assert clock.left(400) == clock.left(100) == ""


def test_lines_say_what_matters():
    assert epoch_line(ROW, 12) == "epoch 3/12  loss 1.203  top-1 0.52  41 clips/s"
    bad = ROW | {"val_top1": 0.61, "skipped": 18, "clips": 8}
    assert epoch_line(bad, 12) == "epoch 3/12  loss 1.203  top-1 0.52  val 0.61  4.0 clips/s  8 of 26 clips"
    assert step_line(ROW, 2000, 735_000) == "step 2000 of 735000  loss 1.203  top-1 0.52  41 clips/s"


def curves(folder):
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_curves_are_those_of_the_history(synthetic, tmp_path):
    history = train(tiny(), read_manifest(synthetic), tmp_path)
    found = curves(tmp_path)
    assert set(found) == {"loss", "top1", "val_top1", "lr", "grad_norm", "clips_per_second"}
    assert [step for step, _ in found["loss"]] == [2, 4, 6]
    assert [value for _, value in found["loss"]] == pytest.approx(list(history["loss"]))
    assert [step for step, _ in found["val_top1"]] == [4, 6]  # validated every second epoch


def test_curves_of_a_run_that_resumes_are_cut_where_it_goes_on(tmp_path):
    for first, value in ((0, 1.0), (2, 5.0)):
        with tensorboard(tmp_path, first) as draw:
            for step in range(first, 4):
                draw(step, {"loss": value})
    assert curves(tmp_path)["loss"] == [(0, 1.0), (1, 1.0), (2, 5.0), (3, 5.0)]


def test_without_tensorboard_nothing_is_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with tensorboard(tmp_path, 0) as draw:
        draw(1, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_followed_from_where_it_stood(tmp_path, caplog):
    file = tmp_path / "log.txt"
    file.write_text("2026-01-01 10:00:00,000 of before\n")
    caplog.set_level(logging.INFO, "dnrlab")
    with follow_log(file, 0.01), file.open("a") as log:
        log.write("2026-01-01 10:00:01,000 epoch 1/2  loss 1.0\n")
        log.flush()
        time.sleep(0.2)
        log.write("2026-01-01 10:00:02,000 epoch 2/2  loss 0.5\n")
    assert caplog.messages == ["epoch 1/2  loss 1.0", "epoch 2/2  loss 0.5"]


@pytest.mark.slow
def test_a_notebook_trains_in_two_processes_and_shows_their_log(synthetic, tmp_path, caplog):
    caplog.set_level(logging.INFO, "dnrlab")
    history = launch_training(2, tiny(epochs=1), read_manifest(synthetic), tmp_path)
    assert len(history) == 1
    assert any("2 batches of 8 from 20 videos, 2 processes, cpu" in line for line in caplog.messages)
    assert any(line.startswith("epoch 1/1  loss") for line in caplog.messages)


@pytest.fixture
def with_a_gap(synthetic, tmp_path):
    """The synthetic set's manifest, with one training video that does not exist."""
    rows = pd.read_csv(synthetic)
    rows["path"] = [str(synthetic.parent / path) for path in rows["path"]]
    rows.loc[3, "path"] = str(tmp_path / "gone.mp4")
    rows.to_csv(tmp_path / "videos.csv", index=False)
    return read_manifest(tmp_path / "videos.csv")


def test_an_error_of_one_process_stops_all_and_is_not_tried_again(with_a_gap, tmp_path, monkeypatch):
    monkeypatch.setattr("dnrlab.training.launch.RESTARTS", 1)  # each restart loads torch in both processes
    with pytest.raises(RuntimeError, match=r"2 processes were stopped: VideoError: .*gone.mp4: no such file"):
        launch_training(2, tiny(batch_size=20), with_a_gap, tmp_path)
    assert (tmp_path / "log.txt").read_text().count("started: ") == 1


@pytest.mark.slow
def test_after_an_error_the_same_folder_takes_a_training_that_skips_it(with_a_gap, tmp_path, monkeypatch):
    monkeypatch.setattr("dnrlab.training.launch.RESTARTS", 1)
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="VideoError"):
        launch_training(2, tiny(batch_size=20), with_a_gap, run)
    history = launch_training(2, tiny(batch_size=20, bad_videos="skip"), with_a_gap, run)
    assert list(history["skipped"]) == [1, 1, 1]
    assert not (run / FATAL_ERROR).exists()
    assert "trained on 19 of 20 videos" in (run / "log.txt").read_text()


def test_what_stopped_another_call_does_not_stop_this_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    file = tmp_path / FATAL_ERROR
    file.write_text(json.dumps({"agent": os.getppid(), "reason": "ValueError: no"}))
    with pytest.raises(ValueError, match="ValueError: no"), no_restart(tmp_path, World(1, 2)):
        pass
    file.write_text(json.dumps({"agent": -1, "reason": "ValueError: no"}))
    with no_restart(tmp_path, World(1, 2)):
        pass


HOLD = """
import sys, time
from pathlib import Path
from dnrlab.lock import locked
with locked(Path(sys.argv[1]), "training"):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="nothing is locked on Windows")
def test_a_folder_in_which_another_process_trains_is_refused_until_that_ends(synthetic, tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(ValueError, match=rf"for this training alone, got process {other.pid} on .*; wait"):
            train(tiny(epochs=1), read_manifest(synthetic), tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [".training.lock"]  # no config.json, above all
        other.kill()
    assert len(train(tiny(epochs=1), read_manifest(synthetic), tmp_path, Runtime(num_workers=1))) == 1
