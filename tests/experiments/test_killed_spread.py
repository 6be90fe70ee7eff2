"""A spread that is killed leaves no process behind, and the same call ends with the weights of an undisturbed one."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.helpers.paths import PROJECT
from tests.helpers.trainings import same, weights
from tests.helpers.waiting import processes_of, wait_for

SETTINGS = "--seeds 0 1 --workers 2 --epochs 6 --batch-size 8 --num-frames 4 --crop-size 16 --short-side 18 --width 8"


def start(manifest, out):
    command = [sys.executable, "-m", "dnrlab", "spread", "--manifest", str(manifest), "--out", str(out)]
    environment = os.environ | {"MARK": str(out), "PYTHONPATH": str(PROJECT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([*command, *SETTINGS.split()], text=True, env=environment, **pipes)


def run_to_its_end(manifest, out):
    process = start(manifest, out)
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_twenty_kills(synthetic, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    run_to_its_end(synthetic, whole)
    rng = np.random.default_rng(0)
    for number in range(20):
        process = start(synthetic, out)
        wait_for(lambda process=process: process.poll() is not None or len(processes_of(out)) > 2)  # its workers, too
        time.sleep(rng.uniform(0, 6))
        process.send_signal([signal.SIGTERM, signal.SIGKILL][number % 2])
        process.communicate(timeout=60)
        wait_for(lambda: not processes_of(out), seconds=60)
    run_to_its_end(synthetic, out)
    runs = sorted(file.parent.name for file in whole.glob("*/config.json"))
    assert len(runs) == 2
    assert all(same(weights(out / run), weights(whole / run)) for run in runs)
