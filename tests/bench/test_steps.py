"""Steps in processes: networks that sleep for a known time, alone and in two processes."""

import signal
import time
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

from dnrlab.bench.budget import clip_speeds
from dnrlab.bench.steps import StepConfig, measure_steps, process_counts, take_turns
from dnrlab.distributed import launch
from dnrlab.recipes.named import demo, override
from dnrlab.training.loop import NetworkLoss, training_step

SLEEP = 0.2  # seconds per step
CEILING = 2 / SLEEP  # clips per second of one process, in batches of two
TINY = override(demo(), num_frames=2, crop_size=8)


class Sleeper(nn.Module):
    """Takes a given time for a batch, whatever the machine does besides."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, clips):
        time.sleep(SLEEP)
        return self.fc(clips.mean(dim=(2, 3, 4)))


@pytest.fixture(scope="module")
def launched():
    """Rows of two processes, and whether this process answers signals as before."""
    before = signal.getsignal(signal.SIGTERM)
    config = StepConfig(batch_size=2, num_steps=2, rounds=2, num_classes=5)
    results = launch(take_turns, 2, Sleeper, TINY, config, "cpu", 2, restarts=0)
    return results, signal.getsignal(signal.SIGTERM) is before


def test_two_processes_that_share_nothing_are_twice_as_fast(launched):
    turns = pd.DataFrame([row for rows in launched[0] for row in rows])
    speeds = clip_speeds(turns).groupby(["kind", "processes"])["clips_per_second"].max()
    for kind in ("training", "testing"):
        assert 0.5 * CEILING < speeds[kind, 1] <= CEILING
        assert 1.1 * CEILING < speeds[kind, 2] <= 2 * CEILING  # however busy the machine: more than one can do
    assert (turns[turns["kind"] == "training"]["peak_bytes"] > 10e6).all()


def test_processes_take_turns_and_the_second_waits_for_one_alone(launched):
    first, second = ([(row["round"], row["processes"], row["kind"]) for row in rows] for rows in launched[0])
    kinds = ("training", "testing")
    assert first == [(number, count, kind) for number in (0, 1) for count in (1, 2) for kind in kinds]
    assert second == [(number, 2, kind) for number in (0, 1) for kind in kinds]
    assert all(row["clips"] == 4 for rows in launched[0] for row in rows)


def test_launching_leaves_signals_as_they_were(launched):
    assert launched[1]


def test_a_step_moves_by_no_more_than_the_bounded_gradient():
    model, clips, labels = Sleeper(), torch.randn(4, 3, 2, 4, 4), torch.tensor([0, 1, 2, 3])
    before = [parameter.detach().clone() for parameter in model.parameters()]
    training_step(NetworkLoss(model), torch.optim.SGD(model.parameters(), lr=1.0), clips, labels, clip_norm=0.1)
    moved = torch.cat([(new - old).flatten() for new, old in zip(model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"processes": (2,)}, r"processes that ascend from 1, got \(2,\); give such as \(1, 2\)"),
        ({"processes": (1, 4, 2)}, r"got \(1, 4, 2\)"),
        ({"threads": -1}, "expected threads of at least 0, got -1; give 0 to share all threads"),
        ({"rounds": 0}, "expected rounds of at least 1, got 0"),
        ({"batch_size": 0}, "expected batch_size of at least 1, got 0"),
    ],
)
def test_what_cannot_be_measured_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        StepConfig(**wrong)


def test_settings_and_gpus_are_checked_before_a_process_starts():
    with pytest.raises(ValueError, match="expected a network's name, got 'tsn_resnet19'"):
        measure_steps(replace(TINY, model=replace(TINY.model, name="tsn_resnet19")), StepConfig())
    with pytest.raises(ValueError, match=r"expected processes of at most \d+, one per GPU, got 99"):
        measure_steps(TINY, StepConfig(processes=(1, 99)), device="cuda")


def test_counts_double_up_to_the_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    assert process_counts("cuda") == (1, 2, 4, 8)
    assert process_counts("cpu") == (1, 2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert process_counts("cuda:0") == (1,)


def test_the_slowest_process_ends_a_turn():
    row = {"kind": "training", "processes": 2, "round": 0, "clips": 8}
    turns = pd.DataFrame([row | {"seconds": 2.0, "peak_bytes": 10.0}, row | {"seconds": 4.0, "peak_bytes": 30.0}])
    (speed,) = clip_speeds(turns).to_dict("records")
    assert (speed["clips_per_second"], speed["peak_bytes"]) == (4, 30)


@pytest.mark.needs_cuda
def test_a_gpus_steps_and_its_memory_are_measured():
    counts = process_counts("cuda")
    turns = measure_steps(TINY, StepConfig(processes=counts, num_steps=2, rounds=1), device="cuda")
    assert (turns["seconds"] > 0).all()
    assert (turns["peak_bytes"] > 4 * 80_000).all()  # its weights
    assert set(turns["processes"]) == set(counts)
