"""Hours, disk and memory of a training, by hand."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from dnrlab import findings
from dnrlab.bench.budget import Reading, Work, budget, macs_of, needs, scaling, shape_of, work_of
from dnrlab.data.cards import card_of, own_card
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import read_manifest
from dnrlab.data.overview import video_sizes
from dnrlab.plots import budget_figure, scaling_figure
from dnrlab.recipes.named import kinetics400, override


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
    assert findings.of_budget(table, device="GPU") == f"{start}computing limits training and reading limits testing"
    eight = findings.of_budget(table[table["devices"] == 8], device="GPU")
    assert eight.startswith("Training takes 45 minutes on 8 such GPUs, testing takes 2.0 hours;\nreading limits both")
    fast = budget(WORK, ONE_AND_TWO, Reading(100.0, 100.0), shared=False)
    title = findings.of_budget(fast, device="machine", share=0.26)
    assert title.endswith("\n(measured with 0.26 of the recipe's multiply-accumulates); computing limits both")


def test_the_conditions_of_the_hours_are_printed():
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
    figure = budget_figure(table, "finding", "note", words=findings.duration)
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
