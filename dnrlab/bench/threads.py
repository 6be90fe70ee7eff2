"""How long a training step takes when the threads that wait for each other spin for a shorter or a longer time.

    python -m dnrlab.bench.threads --spins 0 1000 1500 2000 300000 --busy 0 4

Each spin count has a process of its own, since libgomp reads GOMP_SPINCOUNT when torch loads; 300000 is its default.
The processes take turns, alone and beside others that compute without end, so that ratios hold on a machine whose
speed changes. ``dnrlab/__init__.py`` sets the spin count that these measurements led to.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import pandas as pd
import torch

from dnrlab.models.config import build_model
from dnrlab.recipes.named import demo
from dnrlab.training.loop import NetworkLoss, training_step
from dnrlab.training.optimizer import make_optimizer

BATCH_SIZE = 8  # clips
SPINS = [0, 1000, 1500, 2000, 300_000]


def measure_spins(
    spins: Sequence[int], busy: Sequence[int], *, rounds: int = 5, steps: int = 10, warmup_steps: int = 3
) -> pd.DataFrame:
    """Time training steps of the demo's network with each spin count, beside each number of busy processes, in turns.

    Returns: one row per spin count, number of busy processes and round: spins, busy, round, milliseconds (the median
        step of the round).
    """
    rows = []
    with timers(spins) as running:
        for number in busy:
            with busy_processes(number):
                for timer in running.values():
                    ask(timer, warmup_steps)
                for turn in range(rounds):
                    for spin, timer in running.items():
                        rows.append({"spins": spin, "busy": number, "round": turn, "milliseconds": ask(timer, steps)})
    return pd.DataFrame(rows)


@contextmanager
def timers(spins: Sequence[int]) -> Iterator[dict[int, "subprocess.Popen[str]"]]:
    """One process per spin count, which answers a number of steps with the milliseconds of the median step."""
    command = [sys.executable, "-c", "from dnrlab.bench.threads import answer; answer()"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    started = {
        spin: subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | {"GOMP_SPINCOUNT": str(spin), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for spin in spins
    }
    try:
        yield started
    finally:
        for process in started.values():
            process.kill()
            process.communicate()


def ask(timer: "subprocess.Popen[str]", steps: int) -> float:
    """Milliseconds of the median of some steps in a process of ``timers``."""
    if timer.stdin is None or timer.stdout is None:
        raise ValueError("expected a process with pipes, got one without; start it by timers")
    timer.stdin.write(f"{steps}\n")
    timer.stdin.flush()
    return float(timer.stdout.readline())


def answer() -> None:
    """What each process does: for every number that comes in, take as many steps and write their median time."""
    recipe = demo()
    torch.manual_seed(0)
    model = NetworkLoss(build_model(recipe.model, num_classes=10, num_frames=recipe.data.num_frames)).train()
    optimizer = make_optimizer(model, recipe.training)
    size = recipe.data.crop_size
    clips = torch.randint(256, (BATCH_SIZE, 3, recipe.data.num_frames, size, size), dtype=torch.uint8)
    labels = torch.arange(BATCH_SIZE)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            training_step(model, optimizer, clips, labels, clip_norm=recipe.training.clip_norm)
            seconds.append(time.perf_counter() - start)
        sys.stdout.write(f"{1000 * median(seconds)}\n")
        sys.stdout.flush()


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Processes that compute without end while the block runs, each on one core."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """Measure, and print the medians and their ratio to the default within each round."""
    parser = argparse.ArgumentParser(prog="python -m dnrlab.bench.threads", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--spins", type=int, nargs="+", default=SPINS, help="values to compare")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 4], help="numbers of processes that run beside")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    given = parser.parse_args()
    table = measure_spins(given.spins, given.busy, rounds=given.rounds)
    wide = table.pivot(index=["busy", "round"], columns="spins", values="milliseconds")
    sys.stdout.write("milliseconds per step, median of the rounds\n")
    sys.stdout.write(wide.groupby("busy").median().round(1).to_string() + "\n")
    sys.stdout.write("speed over that of the largest spin count, median of the rounds\n")
    ratios = wide.rdiv(wide[max(given.spins)], axis=0)
    sys.stdout.write(ratios.groupby("busy").median().round(3).to_string() + "\n")


if __name__ == "__main__":
    main()
