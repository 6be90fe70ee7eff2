"""A batch killed at random moments: no finished run is lost, and a training goes on from its checkpoint."""

import json
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch

from tests.helpers.paths import PROJECT
from tests.helpers.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.extended]

KILLS = 10
GRID = """title: Killed
parameters:
  manifest: {manifest}
  cache_dir: ""
  epochs: 300
  width: 8
  num_frames: 2
  crop_size: 16
  short_side: 18
  batch_size: 10
  settings: {{checkpoint_every: 1}}
  seed: [0, 1]
notebooks:
  - {notebooks}/01_train
  - {notebooks}/02_evaluate
"""


def weights(run_dir):
    return torch.load(run_dir / "checkpoint.pt", weights_only=True)["model"]


def epochs_of(folder):
    """Epochs of each run so far."""
    return {file: len(pd.read_csv(file)) for file in folder.glob("seed*/history.csv")}


def test_killed_at_ten_random_moments_it_ends_with_the_same_weights(synthetic, tmp_path):
    grid = tmp_path / "grid.yaml"
    grid.write_text(GRID.format(manifest=synthetic, notebooks=PROJECT / "notebooks"))
    command = [sys.executable, "-m", "dnrlab", "batch", str(grid), "--json", "--out"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*command, str(whole)], cwd=PROJECT, check=True, capture_output=True)
    moments, finished, epochs = random.Random(0), set(), {}
    for number in range(KILLS):
        process = subprocess.Popen([*command, str(killed)], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if number % 2:  # within a training; else while it starts
            before = sum(epochs.values())
            wait_for(lambda before=before: sum(epochs_of(killed).values()) > before)
        time.sleep(moments.uniform(0.5, 5))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "the batch ended before it was killed; make the grid longer"
        states = {file: json.loads(file.read_text())["state"] for file in killed.glob("seed*/*.state.json")}
        done = {file for file, state in states.items() if state == "done"}
        assert finished <= done, "a finished notebook was lost"
        assert "failed" not in states.values(), states
        now = epochs_of(killed)
        assert all(now[file] >= number for file, number in epochs.items()), "epochs were lost"
        finished, epochs = done, now
    assert sum(epochs.values()) >= KILLS // 2, "too few kills hit a training"
    result = subprocess.run([*command, str(killed)], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["done"] == 2
    for seed in (0, 1):
        first, second = (weights(folder / f"seed{seed}") for folder in (whole, killed))
        assert all(torch.equal(first[name], second[name]) for name in first)
