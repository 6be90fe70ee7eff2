"""What a training takes: networks that sleep for a known time, alone and in two processes; hours by hand."""

import signal
import time
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from torch import nn

from dnrlab import findings
from dnrlab.bench.budget import Reading, Work, budget, clip_speeds, macs_of, needs, scaling, shape_of, work_of
from dnrlab.bench.reading import video_speed
from dnrlab.bench.steps import StepConfig, measure_steps, process_counts, take_turns
from dnrlab.data.cards import card_of, own_card
from dnrlab.data.dataset import VideoViews
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import read_manifest, select
from dnrlab.data.overview import video_sizes
from dnrlab.distributed import launch
from dnrlab.plots import plan_figure, scaling_figure
from dnrlab.recipes.named import demo, kinetics400, override
from dnrlab.training.loop import training_step

SLEEP = 0.2  # seconds a step
CEILING = 2 / SLEEP  # clips a second of a process, in batches of two
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
    training_step(model, torch.optim.SGD(model.parameters(), lr=1.0), clips, labels, clip_norm=0.1)
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


def rounds(**speeds):
    """A table of ``clip_speeds``: by kind, for 1 and 2 processes, clips a second of each round."""
    rows = [
        {
            "kind": kind,
            "processes": count,
            "round": number,
            "clips_per_second": value,
            "peak_bytes": 2**30 * (1 + number),
        }
        for kind, both in speeds.items()
        for count, values in zip((1, 2), both, strict=True)
        for number, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


SPEEDS = rounds(training=([2.0, 3.0], [3.0, 6.0]), testing=([10.0, 20.0], [30.0, 40.0]))


def test_efficiency_is_taken_within_a_round():
    table = scaling(SPEEDS).set_index(["kind", "processes"])
    two = table.loc[("training", 2)]
    assert list(two[["efficiency", "efficiency_low", "efficiency_high"]]) == [0.875, 0.75, 1]
    assert list(two[["clips_per_second", "clips_per_second_low", "clips_per_second_high"]]) == [4.5, 3, 6]
    assert list(table.loc[("training", 1), ["efficiency", "peak_gib"]]) == [1, 1]


WORK = Work(training_clips=7200, validation_views=3600, test_views=36000, test_videos=1200, training_videos=100)
ONE_AND_TWO = pd.DataFrame(
    {
        "kind": ["training", "testing"] * 2,
        "processes": [1, 1, 2, 2],
        "clips_per_second": [1.0, 10.0, 1.5, 16.0],
        "clips_per_second_low": [0.5, 10.0, 1.5, 16.0],
        "clips_per_second_high": [2.0, 10.0, 1.5, 16.0],
    }
)
READING = Reading(clips_per_second=4.0, videos_per_second=1 / 6)


def by_task(table, devices):
    return table[table["devices"] == devices].set_index("task")


def test_hours_by_hand():
    table = budget(WORK, ONE_AND_TWO, READING, devices=[1, 2, 8], shared=False)
    one, two, eight = (by_task(table, count) for count in (1, 2, 8))
    assert list(one["computing_hours"]) == pytest.approx([2, 0.1, 1])
    assert list(one.loc["training", ["computing_hours_low", "computing_hours_high"]]) == [1, 4]  # rounds differ
    assert list(one["reading_hours"]) == pytest.approx([0.5, 0.25, 2])
    assert list(one["hours"]) == pytest.approx([2, 0.25, 2])  # workers read ahead: the longer one
    assert list(one["bound"]) == ["computing", "reading", "reading"]
    assert two.loc["training", "hours"] == pytest.approx(7200 / 1.5 / 3600)  # measured
    assert eight.loc["training", "computing_hours"] == pytest.approx(0.25)  # 8 times as fast as one
    assert eight.loc["training", "hours"] == pytest.approx(0.5)  # and now reading is what takes so long
    assert list(table["basis"]) == ["measured"] * 6 + ["at best"] * 3


def test_on_shared_cores_reading_and_computing_add_up():
    table = budget(WORK, ONE_AND_TWO, READING, devices=[1], shared=True)
    assert list(table["hours"]) == pytest.approx([2.5, 0.35, 3])


def test_the_work_of_the_papers_recipe():
    work = work_of(kinetics400(), card_of("kinetics400"), views=30)
    assert work.training_clips == 196 * 3752 * 64  # 240,128 of 240,171 videos an epoch
    assert work.validation_views == 196 * 19_772
    assert (work.test_views, work.test_videos, work.training_videos) == (593_160, 19_772, 240_171)
    few = work_of(override(kinetics400(), epochs=5, validate_every=2), card_of("kinetics400"), views=30)
    assert few.validation_views == 3 * 19_772  # after epochs 2, 4 and 5


def test_a_card_without_counts_is_named():
    with pytest.raises(ValueError, match=r"number of videos of train, test, got \{\} of mine"):
        work_of(kinetics400(), own_card("mine"), views=30)


def test_needs_by_hand():
    sizes = pd.DataFrame({"num_bytes": [1_000_000], "num_frames": [100], "height": [120], "width": [160]})
    work = WORK._replace(training_videos=7, test_videos=3)
    table = needs(work, sizes, short_side=60, frames_a_clip=8, peak_gib=1.5)
    assert list(table["amount"]) == pytest.approx([0.01, 0.0144, 0.0576, 1.5])
    assert list(table["unit"]) == ["GB", "GB", "million", "GiB"]


def test_shapes_and_what_they_multiply():
    small = override(kinetics400(), crop_size=112)
    assert shape_of(small) == shape_of(kinetics400()) | {"crop_size": 112}
    assert macs_of(kinetics400(), 400) == 32_703_643_648


def test_video_sizes_are_those_of_files_and_frames(synthetic):
    manifest = read_manifest(synthetic)
    table = video_sizes(manifest, [3, 5], READER)
    assert list(table["path"]) == list(manifest.rows["path"].iloc[[3, 5]])
    assert table[["num_frames", "height", "width"]].to_numpy().tolist() == [[24, 32, 32]] * 2
    assert (table["num_bytes"] > 100).all()
    with pytest.raises(VideoError, match="no such file"):
        video_sizes(replace(manifest, rows=manifest.rows.assign(path="gone.mp4")), [0], READER)


class SleepingViews(VideoViews):
    """A video every 20 ms a process."""

    def __getitem__(self, row):
        time.sleep(0.02)
        return row


def test_two_workers_read_videos_twice_as_fast(synthetic):
    few = select(read_manifest(synthetic), "train")  # 20 videos
    views = SleepingViews(few, TINY.data, READER)
    alone, two = (video_speed(views, num_workers=number, rounds=2) for number in (0, 2))
    assert 25 < alone < 50.5
    assert two > 1.3 * alone
    one = VideoViews(replace(few, rows=few.rows.iloc[:2]), TINY.data, READER)
    with pytest.raises(ValueError, match="expected more than 2 videos, one per worker for its start, got 2"):
        video_speed(one, num_workers=2)
    gone = VideoViews(replace(few, rows=few.rows.assign(path="gone.mp4")), TINY.data, READER)
    with pytest.raises(ValueError, match=r"got row 0: no such file"):
        video_speed(gone, num_workers=0)


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (8760 * 27, "27 years"),
        (8760 * 1.5, "548 days"),
        (36, "36 hours"),
        (48, "2.0 days"),
        (3.42, "3.4 hours"),
        (0.1, "6.0 minutes"),
        (0.002, "7.2 seconds"),
        (0, "0.0 seconds"),
    ],
)
def test_hours_in_words(hours, words):
    assert findings.duration(hours) == words


SCALED = scaling(SPEEDS)


def test_the_title_says_how_speed_grows():
    start = "2 processes train 1.75 times as fast as one (1.50 to 2.00 over the rounds)"
    assert findings.of_scaling(SCALED, shared=False) == f"{start}: 0.88 of the ideal speed"
    busy = "they share its cores, so one process left cores idle or other work slowed it down"
    assert findings.of_scaling(SCALED, shared=True) == f"{start};\n{busy}"
    same = scaling(rounds(training=([2.0, 4.0], [2.0, 4.0]), testing=([1.0, 1.0], [1.0, 1.0])))
    finding = findings.of_scaling(same, shared=True)
    assert finding.endswith("(1.00 to 1.00 over the rounds);\nthey share its cores, so 1 is expected")
    alone = SCALED[SCALED["processes"] == 1]
    assert findings.of_scaling(alone, shared=False) == "One process trains on 2.5 clips per second"


def test_the_title_says_how_long_it_takes_and_what_bounds_it():
    table = budget(WORK, ONE_AND_TWO, READING, shared=False)
    start = "Training takes 2.2 hours on 1 such GPU, testing takes 2.0 hours;\n"
    assert findings.of_plan(table, device="GPU") == f"{start}computing limits training and reading limits testing"
    eight = findings.of_plan(table[table["devices"] == 8], device="GPU")
    assert eight.startswith("Training takes 45 minutes on 8 such GPUs, testing takes 2.0 hours;\nreading limits both")
    fast = budget(WORK, ONE_AND_TWO, Reading(100.0, 100.0), shared=False)
    said = findings.of_plan(fast, device="machine", share=0.26)
    assert said.endswith("\n(measured with 0.26 of the recipe's multiply-accumulates); computing limits both")


def test_what_the_hours_hold_for_is_said():
    own = {"model": "tsn_resnet50", "width": 64, "crop_size": 224}
    assert findings.of_shape(own, own, share=1.0) == "measured with the recipe's own settings"
    small = findings.of_shape(own | {"crop_size": 112, "width": 8}, own, share=0.0051)
    assert small == (
        "measured with width 8 (recipe: 64) and crop_size 112 (recipe: 224), 0.0051 of the recipe's "
        "multiply-accumulates: the hours are valid for these settings only"
    )


def test_the_figure_shows_rounds_medians_and_the_ideal():
    figure = scaling_figure(SCALED, SPEEDS, "finding", "note", shared=True)
    training, testing = figure.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in training.lines}
    assert lines == {
        "ideal: N times one": [2.5, 5.0],
        "as fast as one": [2.5, 2.5],
        "measured: median": [2.5, 4.5],
        "one round": [2.0, 3.0, 3.0, 6.0],
    }
    assert testing.get_ylabel() == "test views per second"
    plt.close(figure)
    figure = scaling_figure(SCALED, SPEEDS, "finding", "note", shared=False)
    assert "as fast as one" not in [line.get_label() for line in figure.axes[0].lines]
    plt.close(figure)


def test_the_figure_shows_hours_of_training_with_its_validations():
    table = budget(WORK, ONE_AND_TWO, READING, devices=[1, 8], shared=False)
    figure = plan_figure(table, "finding", "note", words=findings.duration)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "training on 1 (measured)",
        "training on 8 (at best)",
        "testing on 1 (measured)",
        "testing on 8 (at best)",
    ]
    points = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    assert points["computing"] == pytest.approx([2.1, 0.25 + 0.0125, 1, 0.125])
    assert points["reading"] == pytest.approx([0.75, 0.75, 2, 2])
    (ranges,) = axes.collections
    assert list(ranges.get_segments()[0][:, 0]) == pytest.approx([1.1, 4.1])
    assert "2.1 hours" in [text.get_text() for text in axes.texts]
    plt.close(figure)


@pytest.mark.needs_cuda
def test_a_gpus_steps_and_its_memory_are_measured():
    counts = process_counts("cuda")
    turns = measure_steps(TINY, StepConfig(processes=counts, num_steps=2, rounds=1), device="cuda")
    assert (turns["seconds"] > 0).all()
    assert (turns["peak_bytes"] > 4 * 80_000).all()  # its weights
    assert set(turns["processes"]) == set(counts)
