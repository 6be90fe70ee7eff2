"""The table of videos by worked examples."""

from pathlib import Path

import pandas as pd
import pytest

from dnrlab.data.manifest import Manifest
from dnrlab.explorer.find import Query, confusions, find, line_of, matched, most_confused, video_table

ROWS = pd.DataFrame(
    {"path": ["/d/up/a.mp4", "/d/up/b.mp4", "/d/down/a.mp4", "/d/down/c.mp4"], "label": ["up", "up", "down", "down"]}
)
VIDEOS = Manifest(rows=ROWS, classes=("down", "up"), flip="none", file=Path("/d/m.csv"))


def predictions(predicted, best, rows=(0, 1, 2, 3)):
    table = ROWS.iloc[list(rows)].reset_index(drop=True).assign(predicted=predicted)
    up = [score if name == "up" else 1 - score for name, score in zip(predicted, best, strict=True)]
    return table.assign(**{"score:down": [1 - score for score in up], "score:up": up})


@pytest.fixture
def table():
    one = predictions(["up", "down", "down", "up"], [0.9, 0.6, 0.8, 0.7])
    two = predictions(["up", "up", "down"], [0.55, 0.65, 0.95], rows=(0, 1, 2))  # has not scored the last
    return video_table(VIDEOS, {"one": one, "two": two})


def rows(table, **query):
    return find(table, Query(**query))["row"].tolist()


def test_the_table_has_what_each_run_predicts(table):
    assert table["predicted:one"].tolist() == ["up", "down", "down", "up"]
    assert table["predicted:two"].tolist() == ["up", "up", "down", ""]
    assert table["score:one"].round(2).tolist() == [0.9, 0.6, 0.8, 0.7]


def test_filters(table):
    assert rows(table) == [0, 1, 2, 3]
    assert rows(table, run="one", show="wrong") == [1, 3]
    assert rows(table, run="one", show="right") == [0, 2]
    assert rows(table, run="two", show="wrong") == []  # a video without a prediction is neither wrong nor right
    assert rows(table, show="runs disagree") == [1]
    assert rows(table, label="down") == [2, 3]
    assert rows(table, run="one", predicted="up") == [0, 3]
    assert rows(table, text="A.MP4") == [0, 2]
    assert rows(table, run="one", show="wrong", label="up") == [1]


def test_orders(table):
    assert rows(table, run="one", order="least sure") == [1, 3, 2, 0]
    assert rows(table, run="one", order="most sure") == [0, 2, 3, 1]
    assert rows(table.assign(movement=[0.1, 0.4, 0.2, 0.3]), order="γ moves most") == [1, 3, 2, 0]
    assert rows(table, order="γ moves most") == [0, 1, 2, 3]  # not measured yet


def test_wrong_queries_say_what_is_missing(table):
    with pytest.raises(ValueError, match="expected predictions of three, got none; evaluate the run first"):
        rows(table, run="three", show="wrong")
    with pytest.raises(ValueError, match="expected show to be one of"):
        rows(table, show="odd")


def test_videos_of_one_name_in_parts_and_folders_stay_apart():
    parts = ROWS.iloc[[0, 0]].reset_index(drop=True).assign(start_seconds=["0", "2.5"])
    videos = Manifest(rows=parts, classes=("down", "up"), flip="none", file=Path("/d/m.csv"))
    own = parts.assign(predicted=["up", "down"], **{"score:down": [0.2, 0.7], "score:up": [0.8, 0.3]})
    assert video_table(videos, {"one": own})["predicted:one"].tolist() == ["up", "down"]


def test_videos_that_were_moved_are_found_by_as_few_folders_as_tell_them_apart():
    ours = pd.DataFrame({"path": ["/new/s1/cam/0.mp4", "/new/s2/cam/0.mp4"]})
    theirs = pd.DataFrame({"path": ["/old/s2/cam/0.mp4", "/old/s1/cam/0.mp4"]})
    assert matched(ours, theirs).tolist() == [1, 0]
    assert matched(ours, theirs.assign(path=["/old/x/0.mp4", "/old/y/0.mp4"])).tolist() == [-1, -1]
    ends = pd.DataFrame({"path": ["a.mp4"] * 2, "start_seconds": [0, 0], "end_seconds": ["1.5", "2.5"]})
    assert matched(ends, ends.iloc[::-1].reset_index(drop=True)).tolist() == [1, 0]


def test_predictions_of_other_videos_do_not_count():
    other = predictions(["up"], [0.9], rows=(0,)).assign(path=["/e/elsewhere/z.mp4"])
    assert "predicted:one" not in video_table(VIDEOS, {"one": other})


def test_confusions_count_videos(table):
    counts = confusions(table, "one", ["down", "up"])
    assert counts.to_numpy().tolist() == [[1, 1], [1, 1]]
    assert most_confused(table, "one", 1) == ["down"]
    assert most_confused(table, "one", 5) == ["down", "up"]


def test_a_line_marks_right_and_wrong(table):
    line = line_of(table.iloc[1], ["one", "two"], 4)
    assert line.split() == ["2", "up", "✗", "down", "0.60", "✓", "up", "0.65", "up/b.mp4"]
    assert "–" in line_of(table.iloc[3], ["two"], 4)
