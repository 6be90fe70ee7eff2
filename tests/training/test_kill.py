"""A training that is killed at any moment and called again ends with the weights of one that was not, to the bit."""

import random
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import torch

TRIALS = 10
WORDS = "--epochs 3 --batch-size 4 --checkpoint-every 2 --crop-size 16 --short-side 18 --num-frames 4 --dropout 0.5"
STEPS = 15  # five batches of 4 in each of three epochs


def start(manifest, run_dir, num_workers):
    """A training in a process of its own, on one thread, so that two of them take turns evenly."""
    words = [*WORDS.split(), "--manifest", str(manifest), "--out", str(run_dir), "--num-workers", str(num_workers)]
    command = ["env", "OMP_NUM_THREADS=1", sys.executable, "-m", "dnrlab", "train", *words, "--cache-dir", ""]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def begun(run_dir, process):
    """Wait until the log says that the run trains."""
    while not (run_dir / "log.txt").exists() or "5 batches" not in (run_dir / "log.txt").read_text():
        assert process.poll() is None, "the training ended before it began"
        time.sleep(0.005)


def killed(manifest, run_dir, seconds, num_workers):
    """Start a training and kill it so many seconds after it began; whether it was still running."""
    process = start(manifest, run_dir, num_workers)
    begun(run_dir, process)
    time.sleep(seconds)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def outcome(run_dir):
    """What must be the same: the weights at the end and the best ones, and the losses."""
    state = torch.load(run_dir / "checkpoint.pt", weights_only=True)
    losses = list(pd.read_csv(run_dir / "history.csv")["loss"])
    return state["step"], state["model"], losses, (run_dir / "best.safetensors").read_bytes()


@pytest.mark.slow
def test_killed_at_any_moment_a_run_ends_with_the_same_weights(synthetic, tmp_path):
    whole = start(synthetic, tmp_path / "whole", 0)
    begun(tmp_path / "whole", whole)
    clock = time.monotonic()
    assert whole.wait() == 0
    seconds = time.monotonic() - clock
    step, weights, losses, best = outcome(tmp_path / "whole")
    assert step == STEPS

    def trial(number):
        run_dir, moment = tmp_path / str(number), random.Random(number).uniform(0, seconds)
        while not killed(synthetic, run_dir, moment, number % 2):  # it was over: sooner, and from the beginning
            run_dir, moment = run_dir.with_name(f"{run_dir.name}_sooner"), moment / 2
        checkpoint = run_dir / "checkpoint.pt"  # its writing may have been cut: then another name is there alone
        left = torch.load(checkpoint, weights_only=True)["step"] if checkpoint.exists() else 0
        assert start(synthetic, run_dir, number % 2).wait() == 0
        found = outcome(run_dir)
        assert (found[0], found[2], found[3]) == (step, losses, best)
        assert all(torch.equal(found[1][name], weights[name]) for name in weights)
        resumed = re.findall(r"resumed at step (\d+) of 15", (run_dir / "log.txt").read_text())
        assert resumed == ([str(left)] if 0 < left < STEPS else [])  # at the end there is nothing left to do
        return left

    with ThreadPoolExecutor(2) as pool:
        places = list(pool.map(trial, range(TRIALS)))
    assert len(places) == TRIALS
    assert len({*places}) >= 3  # before the first checkpoint, within epochs, and between them
    assert any(place % 5 for place in places)
