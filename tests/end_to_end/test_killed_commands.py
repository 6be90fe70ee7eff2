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

TINY = "--epochs 6 --batch-size 8 --num-frames 4 --crop-size 16 --short-side 18 --width 8"
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


def kill_twenty_times(command, mark, begun, longest):
    """Start a command 20 times, and end it at a random moment after it has ``begun``, ``longest`` seconds at most."""
    rng = np.random.default_rng(0)
    for number in range(20):
        process = start(command, mark)
        wait_for(lambda process=process: process.poll() is not None or begun())
        time.sleep(rng.uniform(0, longest))
        process.send_signal([signal.SIGTERM, signal.SIGKILL][number % 2])
        process.communicate(timeout=60)
        wait_for(lambda: not processes_of(mark), seconds=60)


def test_twenty_kills_of_spread(synthetic, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    command = ["dnrlab", "spread", "--manifest", str(synthetic), "--seeds", "0", "1", *TINY.split()]
    run_to_its_end([*command, "--out", str(whole)], whole)
    kill_twenty_times([*command, "--out", str(out)], out, lambda: len(processes_of(out)) > 2, longest=6)
    run_to_its_end([*command, "--out", str(out)], out)
    runs = sorted(file.parent.name for file in whole.glob("*/config.json"))
    assert len(runs) == 2
    assert all(same(weights(out / run), weights(whole / run)) for run in runs)


def test_twenty_kills_of_evaluate(synthetic, tmp_path):
    run, killed = tmp_path / "run", tmp_path / "killed"
    run_to_its_end(["dnrlab", "train", "--manifest", str(synthetic), "--out", str(run), *TINY.split()], run)
    shutil.copytree(run, killed)
    command = ["--manifest", str(synthetic), "--split", "", "--clips", "10", "--crops", "3", "--num-workers", "2"]
    run_to_its_end(["dnrlab", "evaluate", str(run), *command], run)
    kill_twenty_times(["dnrlab", "evaluate", str(killed), *command], killed, lambda: len(processes_of(killed)) > 1, 3)
    run_to_its_end(["dnrlab", "evaluate", str(killed), *command], killed)
    (name,) = [file.name for file in run.glob("predictions*.csv")]
    pd.testing.assert_frame_equal(pd.read_csv(killed / name), pd.read_csv(run / name))


def test_twenty_kills_of_a_notebook(synthetic, tmp_path):
    def command(run):
        words = f"-p manifest {synthetic} -p run_dir {run} -p epochs 6 -p batch_size 8 -p num_frames 4 -p width 8"
        places = [str(PROJECT / "notebooks" / "01_train.ipynb"), str(tmp_path / f"{run.name}.ipynb")]
        return ["papermill", *places, *f"{words} -p crop_size 16 -p short_side 18 --no-progress-bar".split()]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run_to_its_end(command(whole), whole)
    kill_twenty_times(command(killed), killed, (killed / "config.json").is_file, longest=6)
    run_to_its_end(command(killed), killed)
    assert same(weights(killed), weights(whole))
