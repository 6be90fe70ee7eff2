"""Commands and notebooks that are killed leave no process behind, and the same call ends as an undisturbed one."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from tests.helpers.paths import PROJECT
from tests.helpers.trainings import same, weights
from tests.helpers.waiting import processes_of, wait_for

TINY = "--epochs 300 --batch-size 8 --num-frames 4 --crop-size 16 --short-side 18 --width 8"
ENDED = (0, 128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL)  # by itself, or by the signal
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


def start(command, mark):
    environment = os.environ | {"MARK": str(mark), "PYTHONPATH": str(PROJECT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([sys.executable, "-m", *command], text=True, env=environment, cwd=PROJECT, **pipes)


def run_to_its_end(command, mark):
    process = start(command, mark)
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text


def kill_twenty_times(command, mark, file, longest):
    """Start a command 20 times, and end it at a random moment after it has written to ``file``.

    ``longest``: of that moment, in seconds. At least half of the signals must reach a command that has not ended. An
    evaluation that has ended begins anew.
    """
    rng, killed = np.random.default_rng(0), 0
    for number in range(20):
        before, process = written(file), start(command, mark)
        wait_for(lambda process=process, before=before: process.poll() is not None or written(file) != before)
        time.sleep(rng.uniform(0, longest))
        process.send_signal([signal.SIGTERM, signal.SIGKILL][number % 2])
        process.communicate(timeout=60)
        wait_for(lambda: not processes_of(mark), seconds=60)
        killed += process.returncode != 0
        assert process.returncode in ENDED
        if process.returncode == 0:
            file.with_suffix(".json").unlink(missing_ok=True)
    assert killed >= 10


def written(file):
    """When a file was last written, or 0."""
    return file.stat().st_mtime_ns if file.is_file() else 0


def test_twenty_kills_of_spread(synthetic, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    command = ["dnrlab", "spread", "--manifest", str(synthetic), "--seeds", "0", "1", *TINY.split()]
    run_to_its_end([*command, "--out", str(whole)], whole)
    kill_twenty_times([*command, "--out", str(out)], out, out / "demo_seed0" / "log.txt", longest=2)
    run_to_its_end([*command, "--out", str(out)], out)
    runs = sorted(file.parent.name for file in whole.glob("*/config.json"))
    assert len(runs) == 2
    assert all(same(weights(out / run), weights(whole / run)) for run in runs)


def test_twenty_kills_of_evaluate(synthetic, tmp_path):
    run, killed = tmp_path / "run", tmp_path / "killed"
    run_to_its_end(["dnrlab", "train", "--manifest", str(synthetic), "--out", str(run), *TINY.split()], run)
    shutil.copytree(run, killed)
    command = ["--manifest", str(synthetic), "--split", "", "--clips", "100", "--crops", "3", "--num-workers", "2"]
    run_to_its_end(["dnrlab", "evaluate", str(run), *command], run)
    kill_twenty_times(["dnrlab", "evaluate", str(killed), *command], killed, killed / "view_scores_all.npy", 2)
    run_to_its_end(["dnrlab", "evaluate", str(killed), *command], killed)
    (name,) = [file.name for file in run.glob("predictions*.csv")]
    pd.testing.assert_frame_equal(pd.read_csv(killed / name), pd.read_csv(run / name))


def test_twenty_kills_of_a_notebook(synthetic, tmp_path):
    def command(run):
        words = f"-p manifest {synthetic} -p run_dir {run} -p epochs 300 -p batch_size 8 -p num_frames 4 -p width 8"
        places = [str(PROJECT / "notebooks" / "01_train.ipynb"), str(tmp_path / f"{run.name}.ipynb")]
        return ["papermill", *places, *f"{words} -p crop_size 16 -p short_side 18 --no-progress-bar".split()]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_to_its_end(command(whole), whole)
    kill_twenty_times(command(killed), killed, killed / "log.txt", longest=3)
    run_to_its_end(command(killed), killed)
    assert same(weights(killed), weights(whole))
