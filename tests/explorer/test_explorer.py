"""The explorer without a browser: what its controls do, and what it saves."""

import av
import numpy as np
import pytest
from PIL import Image

import dnrlab
from dnrlab.data.manifest import read_manifest
from dnrlab.explain.cam.heatmaps import Explanation
from dnrlab.explain.what_if import NOTHING, WhatIf
from dnrlab.explorer.clip import Lines, OfRun, most_moving, num_windows
from dnrlab.explorer.explore import Explorer
from dnrlab.explorer.notes import read_notes
from dnrlab.explorer.save import rate_of
from dnrlab.explorer.scene import lines_scene, run_scene
from dnrlab.explorer.try_all import Guess, findings, telling_first
from dnrlab.recipes.named import demo, override
from dnrlab.training.train import train
from tests.helpers.trainings import tiny


def scores(explorer, run):
    own = next(each for each in explorer.player.scene["runs"] if each["name"] == run)
    return {row["name"]: (row.get("before"), row["score"]) for row in own["scores"]}


def path_of(explorer):
    return explorer.videos.rows["path"].iloc[explorer.place.row]


def test_a_clip_is_shown_whole(explorer):
    scene = explorer.player.scene
    num_frames = explorer.opened.data.num_frames
    assert len(explorer.player.frames) == len(scene["frame_indices"]) == len(scene["seconds"]) == num_frames
    assert [len(own) for own in explorer.player.heats] == [num_frames, num_frames]
    assert [run["name"] for run in scene["runs"]] == ["bn", "dnr"]
    assert scene["lines"]["run"] == "dnr"
    assert all(len(line["gamma"]) == num_frames for line in scene["lines"]["channels"])
    assert explorer.player.frames[0].startswith(b"\xff\xd8")
    assert explorer.player.heats[0][0].startswith(b"\x89PNG")


def test_scores_come_in_the_background_and_the_table_filters_them(explorer):
    assert len(explorer.table) == 10
    assert (explorer.table["predicted:dnr"] != "").all()
    explorer.finding.run.value = "dnr"
    explorer.finding.which.value = "wrong"
    wrong = explorer.table[explorer.table["predicted:dnr"] != explorer.table["label"]]
    assert explorer.found["row"].tolist() == wrong["row"].tolist()
    assert len(explorer.finding.list.options) == len(wrong)
    explorer.finding.which.value, explorer.finding.order.value = "all", "γ moves most"
    assert explorer.found["movement"].is_monotonic_decreasing
    cells = [
        cell for row in explorer.finding.matrix.children[1:] for cell in row.children[1:] if hasattr(cell, "click")
    ]
    cells[0].click()
    assert len(explorer.found) == int(cells[0].description)


def test_next_and_previous_follow_the_list(explorer):
    rows = explorer.found["row"].tolist()
    explorer.move("next")
    assert explorer.place.row == rows[1]
    explorer.move("previous")
    explorer.move("previous")
    assert explorer.place.row == rows[-1]
    assert explorer.finding.list.value == rows[-1]
    assert explorer.wait(60)
    assert explorer.player.scene["path"].endswith(path_of(explorer).rsplit("/", 1)[1])


def test_a_choice_in_the_list_opens_the_video_once(explorer):
    explorer.finding.list.value = 4
    assert explorer.place.row == 4
    assert explorer.wait(60)
    assert explorer.player.scene["label"] == explorer.videos.rows["label"].iloc[4]


def test_what_if_shows_scores_before_and_after(explorer):
    explorer.asking.frames.value = "backwards"
    assert explorer.wait(60)
    indices = explorer.player.scene["frame_indices"]
    assert indices == sorted(indices, reverse=True)
    assert all(before is not None for before, _ in scores(explorer, "bn").values())
    before, after = (seen.of_runs["dnr"].explanation for seen in reversed(explorer.pair))
    run = explorer.player.scene["runs"][1]
    assert (run["was"], run["predicted"]) == (before.predicted, after.predicted)
    assert run["unchanged"] == np.array_equal(before.scores.round(2), after.scores.round(2))
    explorer.asking.clear()
    assert explorer.wait(60)
    assert explorer.player.scene["frame_indices"] == sorted(indices)
    assert all(before is None for before, _ in scores(explorer, "bn").values())


@pytest.mark.parametrize("change", ["cut", "first group", "class mean"])
def test_changes_of_the_relay_change_networks_with_dnr_alone(explorer, change):
    explorer.open_video(3)
    if change == "cut":
        explorer.asking.cut["cross_temporal"].value = True
    else:
        explorer.asking.held.value = change
    assert explorer.wait(60)
    assert not explorer.status.value
    assert all(before == after for before, after in scores(explorer, "bn").values())
    assert any(before != after for before, after in scores(explorer, "dnr").values())
    lines = explorer.player.scene["lines"]["channels"]
    assert all("before" in line for line in lines)
    if change != "cut":
        assert all(len(set(line["gamma"])) == 1 for line in lines)


def test_all_changes_are_tried_and_a_line_of_the_list_shows_its_change(explorer):
    explorer.asking.frames.value = "backwards"  # the changes are those of the clip as recorded
    explorer.trying.ask()
    assert explorer.wait(60)
    tried, total = explorer.trying.tried, 3 + 4 + 4 + 2 + 5  # orders, held, dropped, halves, of the relay
    assert len(tried) == len(explorer.trying.list.options) == 1 + total
    before = tried[NOTHING]
    for question in (WhatIf(frames="backwards"), WhatIf(held="class mean"), WhatIf(frames="one frame held", frame=2)):
        explorer.asking.ask(question)
        assert explorer.wait(60)
        for name, own in tried[question].items():
            seen = explorer.seen.of_runs[name].explanation
            assert (own.predicted, own.score) == (seen.predicted, pytest.approx(seen.score, abs=1e-6))
    assert tried[WhatIf(cut=("cross_temporal",))]["bn"] == before["bn"]
    assert "bn" in explorer.trying.header.value
    chosen = next(question for _, question in explorer.trying.list.options if question.cut)
    explorer.trying.list.value = chosen
    assert explorer.place.question == explorer.asking.question == chosen
    explorer.open_video((explorer.place.row + 1) % 10)
    assert not explorer.trying.list.options


def test_the_class_of_the_video_is_among_the_scores():
    scores = np.array([0.3, 0.2, 0.1, 0.15, 0.14, 0.05, 0.06])
    own = OfRun(Explanation("a", 0.3, "a", np.zeros((1, 1, 1), np.float32), scores))
    shown = run_scene("bn", own, None, list("abcdefg"), "f")["scores"]
    assert [row["name"] for row in shown] == ["a", "b", "d", "e", "f"]
    assert [row["name"] for row in run_scene("bn", own, None, list("abcdefg"), "b")["scores"]] == list("abdec")


def test_the_strongest_change_is_named_first():
    weak, strong = WhatIf(frames="backwards"), WhatIf(frames="within groups")
    tried = {
        NOTHING: {"dnr": Guess("up", 0.8, 0.2, (0.8, 0.2))},
        weak: {"dnr": Guess("down", 0.55, 0.55, (0.45, 0.55))},
        strong: {"dnr": Guess("down", 0.99, 0.99, (0.01, 0.99))},
    }
    assert telling_first(tried, "down") == [NOTHING, strong, weak]
    assert findings(tried, "down") == [
        "dnr is wrong (up 0.80, down 0.20). Right with “frames shuffled within groups”, “frames backwards”."
    ]


def test_what_the_changes_tell_by_a_worked_example():
    backwards, shuffled = WhatIf(frames="backwards"), WhatIf(frames="within groups")
    held = WhatIf(frames="one frame held")
    up, down, left = Guess("up", 0.5, 0.3, (0.5, 0.3)), Guess("down", 0.9, 0.9, (0.1, 0.9)), Guess("left", 0.5, 0.4)
    tried = {
        NOTHING: {"bn": up, "tsm": up, "dnr": down},
        held: {"bn": up, "tsm": left, "dnr": left},
        shuffled: {"bn": up, "tsm": up, "dnr": down},
        backwards: {"bn": down, "tsm": up, "dnr": up},
    }
    assert telling_first(tried, "down") == [NOTHING, backwards, held, shuffled]
    assert findings(tried, "down") == [
        "bn is wrong (up 0.50, down 0.30). Right with “frames backwards”.",
        "tsm is wrong (up 0.50, down 0.30). It gives the same scores in the 2 other orders of the frames. "
        "No change sets it right; most for down: “frame 1 held”, 0.40. Predicts yet another class with “frame 1 held”.",
        "dnr is right (down 0.90). Predicts another class with “frame 1 held”, “frames backwards”.",
    ]


def test_the_class_layer_and_channels_are_chosen(explorer):
    explorer.looking.target.value = "up"
    explorer.looking.layer.value = "layer2"
    explorer.looking.channels.value = "3, 1"
    assert explorer.wait(60)
    assert {run["explained"] for run in explorer.player.scene["runs"]} == {"up"}
    assert [line["channel"] for line in explorer.player.scene["lines"]["channels"]] == [3, 1]
    last = explorer.looking.lines_layer.options[-1][1]
    explorer.looking.lines_layer.value = last
    assert explorer.player.scene["lines"]["layer"] == last


def test_a_clip_that_was_shown_is_not_computed_again(explorer, monkeypatch):
    explorer.open_video(2)
    assert explorer.wait(60)
    explorer.open_video(3)
    assert explorer.wait(60)

    def never(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr("dnrlab.explorer.networks.see", never)
    explorer.open_video(2)
    assert explorer.wait(60)
    assert not explorer.status.value
    assert len(explorer.seen.of_runs) == 2


def test_everything_shown_can_be_saved(explorer, tmp_path):
    picture = explorer.saved("picture", tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".pdf", ".npz", ".csv"}
    assert Image.open(picture).size[0] > 600
    film, gif, page = (explorer.saved(kind, tmp_path) for kind in ("mp4", "gif", "page"))
    with av.open(str(film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == explorer.opened.data.num_frames
    assert Image.open(gif).n_frames >= 2
    text = page.read_text()
    assert text.count("<script") == 2
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text


def test_notes_are_written_to_the_run_and_come_back(explorer):
    explorer.open_video(1)
    explorer.noting.text.value = 'turns, then "stops"\nsecond line'
    explorer.open_video(2)  # saves it
    assert explorer.noting.text.value == ""
    explorer.open_video(1)
    assert explorer.noting.text.value == 'turns, then "stops"\nsecond line'
    notes = read_notes(explorer.opened.folders["bn"])
    assert notes[["path", "label"]].iloc[0].tolist() == [path_of(explorer), explorer.videos.rows["label"].iloc[1]]
    explorer.noting.text.value = ""
    explorer.noting.save()
    assert read_notes(explorer.opened.folders["bn"]).empty


def test_long_videos_are_shown_in_clips_that_cover_them():
    dense = override(demo(), sampling="dense", num_frames=8, frame_interval=8).data
    assert num_windows(300, dense) == 5
    assert num_windows(10, dense) == 1
    assert num_windows(300, demo().data) == 1


def test_clips_of_a_long_video_follow_each_other(runs, synthetic, tmp_path):
    train(
        tiny(epochs=1, warmup_iterations=0, sampling="dense", frame_interval=2),
        read_manifest(synthetic),
        tmp_path / "dense",
    )
    explorer = dnrlab.explore([tmp_path / "dense"], synthetic).body
    try:
        assert explorer.wait(60)
        assert explorer.player.scene["clips"] == 3  # of 4 frames, 2 apart, in 24
        first = explorer.player.scene["frame_indices"]
        explorer.move("later")
        assert explorer.wait(60)
        assert explorer.player.scene["frame_indices"][0] > first[0]
        explorer.move("earlier")
        assert explorer.wait(60)
        assert explorer.player.scene["frame_indices"] == first
    finally:
        explorer.end()


def test_the_most_moving_channels_by_a_worked_example():
    still, moving = np.ones(4), np.array([0.0, 0, 1, 1])
    lines = Lines(np.stack([still, moving, 2 * moving]), np.stack([moving, still, still]))
    assert most_moving(lines, 2) == [0, 2]
    scene = lines_scene("dnr", "layer1.0.bn1", lines, channels=[1])
    assert [line["channel"] for line in scene["channels"]] == [1]
    assert len(scene["rest"]) == 2
    with pytest.raises(ValueError, match=r"expected channels 0 to 2 of layer1\.0\.bn1, got 7"):
        lines_scene("dnr", "layer1.0.bn1", lines, channels=[7])


def test_pictures_of_other_questions_have_other_names(explorer, tmp_path):
    first = explorer.saved("picture", tmp_path)
    explorer.asking.frames.value = "backwards"
    assert explorer.saved("picture", tmp_path) != first
    assert rate_of([0.0, 0.5, 1.0]) == rate_of([1.0, 0.5, 0.0]) == 2.0


def test_the_face_of_the_package_opens_it():
    assert dnrlab.explore.__module__ == Explorer.__module__
