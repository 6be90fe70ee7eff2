"""Runs, videos and classes of a stranger in the explorer: their names are texts, and nothing leaves the folder."""

import json
import re
import shutil
from pathlib import Path

import ipywidgets as widgets
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances

import dnrlab
from dnrlab.explorer.notes import read_notes
from dnrlab.explorer.save import LONGEST, stem_of
from dnrlab.runs.folder import CONFIG
from tests.helpers.full_disk import fill_disk

EVIL = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "$x^{$",
    "$\\href{javascript:alert(1)}{a}$",
    "a" * 300,
    "line\nbreak",
    "\x1b[31mred",
    "\u202eevil",
    "../../outside",
    "%%DATA%%",
]
KINDS = ("picture", "mp4", "gif", "page")


@pytest.fixture
def hostile(runs, synthetic, tmp_path):
    """The explorer with hostile names of run, classes and a video."""
    run = tmp_path / "<b>$x^{$run&"
    shutil.copytree(runs[1], run)
    config = json.loads((run / CONFIG).read_text())
    renamed = dict(zip(config["classes"], EVIL, strict=True))
    (run / CONFIG).write_text(json.dumps(config | {"classes": EVIL}))
    table = pd.read_csv(synthetic).query("split == 'test'").head(4)
    table["path"] = [str(synthetic.parent / path) for path in table["path"]]
    video = tmp_path / f"{'v' * 180}<i>$ü.mp4"
    shutil.copy(table["path"].iloc[0], video)
    table.iloc[0, table.columns.get_loc("path")] = str(video)
    table["label"] = table["label"].map(renamed)
    table.to_csv(tmp_path / "manifest.csv", index=False)
    made = dnrlab.explore([run], tmp_path / "manifest.csv", out_dir=tmp_path / "out" / "figures")
    assert made.body.wait(60, scores=True)
    yield made.body
    made.body.end()


def test_names_are_shown_as_texts_and_files_stay_in_their_folder(hostile, tmp_path):
    before = {file for file in tmp_path.rglob("*") if "out" not in file.relative_to(tmp_path).parts}
    for row in range(len(hostile.table)):
        hostile.open_video(row)
        assert hostile.wait(60)
        assert not hostile.status.value
        for kind in KINDS:
            hostile.save(kind)
            assert hostile.saving.result.value.startswith("saved ")
    assert {file for file in tmp_path.rglob("*") if "out" not in file.relative_to(tmp_path).parts} == before
    assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "figures"]
    for page in (tmp_path / "out" / "figures").glob("*.html"):
        assert "<script>alert" not in page.read_text()
        assert page.read_text().count("<img") == 0
    shown = [each.value for each in _instances.values() if isinstance(each, widgets.HTML)]
    assert [text for text in shown if re.search(r"<(?!/?(span|div)\b)", text)] == []
    assert not any(isinstance(each, widgets.Label) and "$" in each.value for each in _instances.values())


def test_long_names_of_files_are_cut_and_stay_different():
    assert stem_of("a clip/ü") == "a_clip_ü"
    names = {stem_of(f"{'ü' * 300}{number}") for number in range(3)}
    assert len(names) == 3
    assert all(len(name.encode()) < LONGEST + 12 for name in names)


def test_a_full_disk_is_named_nothing_is_left_and_the_explorer_goes_on(explorer, tmp_path, monkeypatch):
    explorer.out_dir = str(tmp_path / "figures")
    stem = stem_of(f"explorer_{explorer.place.words}_{Path(path_of(explorer)).stem}")
    with monkeypatch.context() as patch:
        fill_disk(
            patch, *(f"{stem}{ending}" for ending in (".npz", ".csv", ".png", ".mp4", ".gif", ".html")), "notes.csv"
        )
        for kind in KINDS:
            explorer.save(kind)
            assert "No space left on device" in explorer.saving.result.value
            assert "free space" in explorer.saving.result.value
        assert list((tmp_path / "figures").iterdir()) == []
        explorer.noting.text.value = "a note"
        explorer.noting.save()
        assert "is not saved" in explorer.noting.result.value
        explorer.move("next")
        assert explorer.wait(60)
        assert explorer.player.frames
    explorer.move("previous")
    assert explorer.noting.text.value == "a note"
    explorer.noting.save()
    assert read_notes(explorer.opened.folders["bn"])["note"].tolist() == ["a note"]
    assert explorer.wait(60)
    for kind in KINDS:
        explorer.save(kind)
        assert explorer.saving.result.value.startswith("saved ")


def path_of(explorer):
    return explorer.videos.rows["path"].iloc[explorer.place.row]
