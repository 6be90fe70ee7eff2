"""What notebook 05 tells of a data set: counts, lengths, clips and views as a network gets them, reading speeds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dnrlab import findings, plots
from dnrlab.bench.reading import view_seconds
from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import TrainingClips, VideoViews
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import read_manifest, select
from dnrlab.data.overview import class_counts, frames_needed, rows_to_show, shown_clips, view_layout

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def videos(synthetic):
    return read_manifest(synthetic)


def test_classes_are_counted_by_split_in_their_order(videos):
    counts = class_counts(videos)
    assert list(counts) == ["train", "val", "test"]
    assert list(counts.index) == list(videos.classes)
    assert counts.to_numpy().tolist() == [[2, 1, 1]] * 10
    fewer = select(videos, "train")
    fewer.rows["split"] = ["extra", *fewer.rows["split"][1:]]
    assert list(class_counts(fewer)) == ["train", "extra"]
    assert findings.of_counts(counts) == "40 videos of 10 classes; in train every class has 2 videos"
    uneven = pd.DataFrame({"train": [3, 9]}, index=["a", "b"])
    assert findings.of_counts(uneven) == "12 videos of 2 classes; in train “a” has 3 and “b” has 9"


@pytest.mark.parametrize(
    ("settings", "frames"),
    [
        ({"sampling": "dense"}, 57),
        ({"sampling": "window"}, 64),
        ({"sampling": "segments"}, 8),
        ({"sampling": "segments", "frames_per_segment": 5}, 12),
    ],
)
def test_frames_that_a_clip_needs(settings, frames):
    assert frames_needed(DataConfig(**settings)) == frames


def test_lengths_say_how_many_are_too_short():
    table = pd.DataFrame({"num_frames": [10, 40, 60, 80]})
    assert findings.of_lengths(table, 57) == (
        "Half of the videos have 50 frames or more; 2 of 4 are shorter than a clip (57 frames), and repeat frames"
    )
    assert findings.of_lengths(table.replace([10, 40, 60], 80), 57) == (
        "Every video has 80 frames; none is shorter than a clip (57 frames)"
    )


def test_rows_to_show_take_the_classes_in_turn(videos):
    rows = rows_to_show(select(videos, "train"), 12)
    labels = [select(videos, "train").rows["label"][row] for row in rows]
    assert labels[:10] == list(videos.classes)
    assert labels[10:] == list(videos.classes[:2])
    assert len(set(rows)) == 12


def test_clips_are_shown_as_a_training_reads_them(videos, tmp_path):
    train = select(videos, "train")
    shown = shown_clips(train, TINY, READER, [5], seed=3)
    clip, label = TrainingClips(train, TINY, READER, 3)[0, 5]
    assert shown[0].label == videos.classes[label]
    assert np.array_equal(shown[0].frames, clip.permute(1, 2, 3, 0).numpy())
    segments = DataConfig(sampling="segments", num_frames=2, frames_per_segment=5, short_side=18, crop_size=16)
    (middle,) = shown_clips(train, segments, READER, [5], seed=3)
    five, _ = TrainingClips(train, segments, READER, 3)[0, 5]
    assert np.array_equal(middle.frames, five.permute(1, 2, 3, 0).numpy()[[2, 7]])
    train.rows.loc[0, "path"] = str(tmp_path / "gone.mp4")
    with pytest.raises(VideoError, match=r"gone.mp4: no such file"):
        shown_clips(train, TINY, READER, [0], seed=0)


def test_views_lie_where_an_evaluation_reads_them(videos):
    test, asked = select(videos, "test"), []

    def read(path, indices):
        asked.append(indices)
        return READER.read_frames(path, indices)

    layout = view_layout(test, 1, TINY, READER, num_clips=3, num_crops=1)
    views = VideoViews(test, TINY, READER._replace(read_frames=read), num_clips=3)[1].clips()
    assert sorted({*layout.frame_indices.flatten().tolist()}) == asked[0].tolist()
    assert layout.num_frames == 24
    ((top, left, height, width),) = layout.boxes
    middle = layout.frame[top : top + height, left : left + width]
    assert middle.shape == (16, 16, 3)
    assert views.shape[-2:] == (16, 16)


def test_views_are_timed_together_and_one_by_one_in_turns(videos):
    asked = []

    def read(path, indices):
        asked.append(indices.tolist())
        return READER.read_frames(path, indices)

    reading = view_seconds(select(videos, "test"), 0, TINY, READER._replace(read_frames=read), num_clips=3, rounds=2)
    assert list(reading["way"]) == ["together", "one by one"] * 2
    assert asked[0] == sorted({number for clip in asked[1:4] for number in clip})
    assert asked[:4] == asked[4:]


def test_figures_of_a_data_set_show_its_numbers(videos):
    counts = class_counts(videos)
    (axes,) = plots.counts_figure(counts, "finding", "note").axes
    assert [bar.get_width() for bar in axes.patches] == [2] * 10 + [1] * 20
    many = pd.concat([counts] * 5)
    (axes,) = plots.counts_figure(many, "finding", "note").axes
    assert axes.lines[0].get_ydata().tolist() == [2] * 50
    table = pd.DataFrame({"num_frames": [24.0, 24, 30], "duration_seconds": [2.0, 2, 2.5], "split": ["train"] * 3})
    frames, seconds = plots.lengths_figure(table, 57, "finding", "note").axes
    assert sum(bar.get_height() for bar in frames.patches) == 3
    assert frames.lines[0].get_xdata()[0] == 57
    assert sum(bar.get_height() for bar in seconds.patches) == 3
    assert len(plots.lengths_figure(table.assign(duration_seconds=np.nan), 57, "f", "n").axes) == 1
    shown = [("up", np.zeros((4, 8, 8, 3), np.uint8)), ("down", np.full((4, 8, 8, 3), 9, np.uint8))]
    figure = plots.contact_sheet(shown, "finding", "note")
    assert [axes.images[0].get_array().max() for axes in figure.axes] == [0] * 4 + [9] * 4


def test_the_figure_of_views_has_a_dot_a_frame_and_a_box_a_crop():
    numbers, frame = np.array([[0, 3], [2, 5]]), np.zeros((20, 30, 3), np.uint8)
    line, picture = plots.views_figure(numbers, 6, frame, [(0, 0, 20, 20), (0, 10, 20, 20)], "f", "n").axes
    dots = [each.get_xdata().tolist() for each in line.lines if each.get_marker() == "o"]
    assert dots == [[1, 4], [3, 6]]
    assert [patch.get_xy() for patch in picture.patches] == [(0, 0), (10, 0)]
    loaders = pd.DataFrame({"num_workers": [1, 2], "clips_per_second": [9.0, 15], "promised": [10.0, 20]})
    loaders["share"] = loaders["clips_per_second"] / loaders["promised"]
    views = pd.DataFrame({"way": ["together", "one by one"], "seconds": [0.2, 0.5]})
    times = pd.DataFrame(
        {"probe_seconds": [0.001] * 2, "decode_seconds": [0.01, 0.03], "transform_seconds": [0.01] * 2}
    )
    assert findings.of_reading(loaders, views) == (
        "2 workers read 15 clips per second, 0.75 of the expected speed;\n"
        "reading views together takes 0.40 of the time of one by one"
    )
    speed, parts, ways = plots.reading_figure(loaders, times, views, "f", "n").axes
    assert [line.get_ydata().tolist() for line in speed.lines] == [[10, 20], [9, 15]]
    assert [float(line.get_xdata()[0]) for line in parts.lines if line.get_marker() == "|"] == [1, 20, 10]
    assert [float(line.get_xdata()[0]) for line in ways.lines if line.get_marker() == "|"] == [200, 500]
    assert findings.of_check(pd.DataFrame({"kind": []}), 40) == "40 files: no errors"
    errors = pd.DataFrame({"kind": ["an empty file", "an empty file", "twice"]})
    assert findings.of_check(errors, 40) == "40 files; to fix: 2 × an empty file, 1 × twice"
