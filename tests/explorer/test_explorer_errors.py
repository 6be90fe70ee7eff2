"""The explorer without a browser: wrong inputs, broken videos, memory, and widgets that are left behind."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ipywidgets.widgets.widget import _instances

import dnrlab
from dnrlab.data.manifest import read_manifest
from dnrlab.explorer.panels import numbers
from dnrlab.explorer.save import save_animation
from dnrlab.recipes.named import override
from dnrlab.training.train import train
from tests.helpers.trainings import tiny


def test_memory_stays_in_its_budget(runs, synthetic):
    explorer = dnrlab.explore(runs, synthetic, memory_mb=1).body
    try:
        for row in range(10):
            explorer.open_video(row)
            assert explorer.wait(60)
        assert 0 < explorer.networks.store.used <= 2**20
        assert explorer.networks.store.used == sum(size for _, size in explorer.networks.store.values.values())
    finally:
        explorer.end()


def test_names_from_a_manifest_cannot_leave_their_place_in_the_page(explorer, tmp_path):
    explorer.player.scene = explorer.player.scene | {"label": "</script><script>alert(1)</script>", "path": "<b>x"}
    text = explorer.saved("page", tmp_path).read_text()
    assert "<script>alert" not in text
    assert "<b>x" not in text


def test_an_unreadable_video_is_named_and_the_next_one_is_shown(runs, synthetic, tmp_path):
    table = pd.read_csv(synthetic).query("split == 'test'")
    table["path"] = [str(synthetic.parent / path) for path in table["path"]]
    (tmp_path / "broken.mp4").write_bytes(b"no video at all")
    table.iloc[0, table.columns.get_loc("path")] = str(tmp_path / "broken.mp4")
    table.to_csv(tmp_path / "manifest.csv", index=False)
    explorer = dnrlab.explore(runs, tmp_path / "manifest.csv").body
    try:
        assert explorer.wait(60, scores=True)
        assert "broken.mp4" in explorer.status.value
        assert explorer.player.frames == []
        with pytest.raises(ValueError, match="expected a clip to save, got none"):
            explorer.saved("picture", tmp_path)
        explorer.move("next")
        assert explorer.wait(60)
        assert not explorer.status.value
        assert explorer.player.frames
        assert (explorer.table["predicted:dnr"] == "").sum() == 1
    finally:
        explorer.end()


def test_an_error_of_one_network_stays_with_it(explorer, monkeypatch):
    from dnrlab.explorer import clip

    real = clip.explain_clips

    def broken(run, *arguments, **settings):
        if run.recipe.model.dnr is None:
            raise ValueError("expected a layer, got none; choose another")
        return real(run, *arguments, **settings)

    monkeypatch.setattr(clip, "explain_clips", broken)
    explorer.open_video(5)
    assert explorer.wait(60)
    one, other = explorer.player.scene["runs"]
    assert one["error"] == "expected a layer, got none; choose another"
    assert other["scores"]


def test_wrong_inputs_appear_in_the_widget(explorer):
    explorer.asking.frames.value = "frames dropped"
    explorer.asking.dropped.value = "two"
    assert "expected frames as numbers, such as 2 3 5-7, got &#x27;two&#x27;" in explorer.asking.result.value
    explorer.asking.dropped.value = "99"
    assert explorer.wait(60)
    assert "expected frames 1 to 4 of the clip, got 99" in explorer.asking.result.value
    explorer.asking.clear()
    explorer.looking.channels.value = "100000"
    assert explorer.wait(60)
    assert "expected channels 0 to" in explorer.status.value


def test_other_runs_and_videos_are_opened_in_place(runs, synthetic, tmp_path):
    explorer = dnrlab.explore(runs, synthetic)
    explorer.opening.runs.value = str(tmp_path / "none")
    explorer.reopen()
    assert "expected a run folder with config.json" in explorer.status.value
    assert list(explorer.body.runs) == ["bn", "dnr"]
    train(tiny(epochs=1, warmup_iterations=0, num_frames=2), read_manifest(synthetic), tmp_path / "two")
    explorer.opening.runs.value = f"{runs[0]}\n{tmp_path / 'two'}"
    explorer.reopen()
    assert "expected runs with the same clips" in explorer.status.value
    old, before = explorer.body, len(_instances)
    explorer.opening.runs.value, explorer.opening.split.value = runs[1], "val"
    explorer.reopen()
    try:
        assert explorer.body.wait(60)
        assert not explorer.status.value
        assert list(explorer.body.runs) == ["dnr"]
        assert explorer.body.videos.rows["split"].unique().tolist() == ["val"]
        assert [run["name"] for run in explorer.body.player.scene["runs"]] == ["dnr"]
        assert old.player.comm is None  # closed
        assert len(_instances) < before + 50
    finally:
        explorer.body.end()


def test_what_cannot_be_opened_is_explained_in_the_widget_and_can_be_corrected_there(runs, synthetic, tmp_path):
    train(override(tiny(epochs=1, warmup_iterations=0), num_frames=2), read_manifest(synthetic), tmp_path / "two")
    for given, manifest, words in (
        ([], synthetic, "expected at least one run, got none"),
        ([tmp_path], synthetic, "config.json"),
        (runs, tmp_path / "none.csv", "none.csv"),
        ([runs[0], tmp_path / "two"], synthetic, "expected runs with the same clips"),
    ):
        explorer = dnrlab.explore(given, manifest)
        assert words in explorer.status.value
        assert explorer.opening.selected_index == 0  # the choice of runs is open
        with pytest.raises((ValueError, OSError), match=words):  # a batch must not go on
            explorer.save("picture")
    explorer.opening.runs.value = runs[0]
    explorer.reopen()
    try:
        assert explorer.body.wait(60)
        assert not explorer.status.value
    finally:
        explorer.body.end()


def test_a_number_that_is_no_row_is_refused_and_nothing_changes(explorer):
    before = explorer.place
    with pytest.raises(IndexError, match=r"expected a row in \[0, 10\), got 99"):
        explorer.open_video(99)
    assert explorer.place == before


def test_filters_leave_no_widgets_behind(explorer):
    explorer.finding.which.value = "wrong"
    count = len(_instances)
    for which in ("all", "wrong") * 5:
        explorer.finding.which.value = which
    assert len(_instances) == count
    for run in ("dnr", "bn") * 3:  # another matrix each time
        explorer.finding.run.value = run
    assert len(_instances) <= count + 30


def test_a_bad_question_does_not_hide_the_video_that_was_chosen(explorer, tmp_path):
    explorer.asking.frames.value, explorer.asking.dropped.value = "frames dropped", "99"
    explorer.open_video(7)
    assert explorer.wait(60)
    assert explorer.player.scene["label"] == explorer.videos.rows["label"].iloc[7]
    assert "expected frames 1 to 4 of the clip, got 99" in explorer.asking.result.value
    assert explorer.saved("gif", tmp_path).name.startswith("explorer_8_clip1_")


def test_a_network_that_failed_is_tried_again(explorer, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("full")

    with monkeypatch.context() as patch:
        patch.setattr("dnrlab.explorer.networks.see", full)
        explorer.open_video(6)
        assert explorer.wait(60)
        error = explorer.player.scene["runs"][0]["error"]
        assert error == "expected enough GPU memory, got none left (full); choose fewer runs, or device='cpu'"
    explorer.open_video(6)
    assert explorer.wait(60)
    assert all(run.get("scores") for run in explorer.player.scene["runs"])


def test_a_damaged_file_of_notes_is_named_and_nothing_else_stops(explorer):
    file = Path(explorer.opened.folders["bn"]) / "notes.csv"
    file.write_text("path;note\na;b\n")
    explorer.open_video(3)
    assert explorer.wait(60)
    assert "expected a whole file at" in explorer.noting.result.value
    assert explorer.player.scene["label"] == explorer.videos.rows["label"].iloc[3]
    file.unlink()


def test_a_note_that_could_not_be_saved_comes_back_with_its_video(explorer, monkeypatch):
    def full(*_):
        raise OSError("notes.csv could not be written (no space left); free space")

    explorer.open_video(1)
    explorer.noting.text.value = "turns too late"
    with monkeypatch.context() as patch:
        patch.setattr("dnrlab.explorer.notes.write_note", full)
        explorer.open_video(2)
    assert "the note of row 2 is not saved: notes.csv could not be written" in explorer.noting.result.value
    assert explorer.noting.text.value == ""
    explorer.open_video(1)
    assert explorer.noting.text.value == "turns too late"
    explorer.finding.run.value = "dnr"  # saves it, and shows the note of the other network
    assert explorer.noting.text.value == ""
    explorer.finding.run.value = "bn"
    assert explorer.noting.text.value == "turns too late"
    explorer.noting.text.value = ""
    assert explorer.noting.save()


def test_an_animation_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected a file that ends in \.mp4 or \.gif, got a\.avi"):
        save_animation(np.zeros((2, 4, 4, 3), np.uint8), tmp_path / "a.avi", 4.0)
    assert not list(tmp_path.iterdir())


def test_numbers_may_be_spans():
    assert numbers("2, 4-6 9", "frames") == [2, 4, 5, 6, 9]
    with pytest.raises(ValueError, match="expected frames as numbers, such as 2 3 5-7, got '-4'; correct it"):
        numbers("-4", "frames")
