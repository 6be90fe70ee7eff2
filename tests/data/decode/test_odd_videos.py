"""At least thirty kinds of odd and damaged video: the documented outcome with every decoder, and in a loader."""

import os
import re
from itertools import chain

import numpy as np
import pandas as pd
import pytest

from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import Unreadable, VideoViews
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.decode.decord_reader import have_decord
from dnrlab.data.decode.reader import VideoFiles
from dnrlab.data.decode.types import VideoError
from dnrlab.data.loading import view_loader
from dnrlab.data.manifest import Manifest
from tests.helpers.encoding import brightness, pictures
from tests.helpers.odd_videos import BAD, DAMAGED, GOOD
from tests.helpers.paths import PROJECT

ODD = GOOD + DAMAGED + BAD
CONVERTED = ("10 bits, H.264", "10 bits, HEVC", "odd width and height", "two sizes in one stream")  # by two swscales


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Where each kind lies, by its name."""
    folder = tmp_path_factory.mktemp("odd")
    made = {}
    for number, odd in enumerate(ODD):
        (folder / str(number)).mkdir()
        made[odd.name] = str(odd.make(folder / str(number)))
    return made


def read_whole(path, decoder):
    files = VideoFiles(decoder)
    return files.read_frames(path, np.arange(files.probe(path).num_frames))


def skip_where_it_cannot_be_tried(odd, decoder="auto"):
    if odd.name == "no permission" and os.access("/root", os.W_OK):
        pytest.skip("root may read any file")
    if decoder == "decord" and not have_decord():
        pytest.skip("decord has no wheel for this machine")


@pytest.mark.parametrize("decoder", ["auto", "pyav", "decord"])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_outcome(paths, odd, decoder):
    skip_where_it_cannot_be_tried(odd, decoder)
    reason = odd.decord if decoder == "decord" and odd.decord else odd.outcome
    if isinstance(reason, str):
        with pytest.raises(VideoError, match=re.escape(reason)) as caught:
            read_whole(paths[odd.name], decoder)
        assert caught.value.path == paths[odd.name]
        return
    frames = read_whole(paths[odd.name], decoder)
    if odd.outcome is None:
        assert 10 < len(frames) <= 28
    else:
        assert len(frames) == len(odd.outcome)
        assert np.abs(brightness(frames) - (20 + 8 * np.array(odd.outcome))).max() < 3.5  # half a frame


@pytest.mark.parametrize("odd", [odd for odd in GOOD if odd.decord is None], ids=lambda odd: odd.name)
def test_any_frame_is_the_same_alone_by_both_decoders(paths, odd):
    skip_where_it_cannot_be_tried(odd, "decord")
    whole = read_whole(paths[odd.name], "pyav").astype(int)
    for number in {0, len(whole) // 2, len(whole) - 2, len(whole) - 1} - {-1}:
        for decoder in ("decord", "pyav"):
            alone = VideoFiles(decoder).read_frames(paths[odd.name], np.array([number]))[0]
            allowed = 4 if decoder == "decord" and odd.name in CONVERTED else 0  # mean of the differences, of 255
            assert np.abs(alone - whole[number]).mean() <= allowed


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_videos_come_upright(paths, decoder, degrees):
    skip_where_it_cannot_be_tried(ODD[0], decoder)
    expected = np.rot90(pictures(20, 64, 128), degrees // 90, axes=(1, 2)).astype(int)
    assert np.abs(read_whole(paths[f"turned by {degrees} degrees"], decoder) - expected).mean() < 2


def test_a_loader_of_four_workers_survives_them_all(paths):
    odd = [each for each in ODD if each.name != "no permission"]
    rows = pd.DataFrame({"path": [paths[each.name] for each in odd], "label": "odd"})
    manifest = Manifest(rows=rows, classes=("odd",), flip="none", file=PROJECT / "odd.csv")
    data = DataConfig(sampling="segments", num_frames=20, short_side=32, crop_size=32)
    reader = reader_for("", 32, len(rows))
    reader.probe(rows["path"][0])  # a process before the fork, which workers must leave alone
    for number, video in enumerate(chain.from_iterable(view_loader(VideoViews(manifest, data, reader), 4, 4))):
        expected = odd[number].outcome
        assert video.row == number
        if isinstance(expected, str):
            assert isinstance(video, Unreadable), odd[number].name
            assert expected in video.reason
        else:
            assert video.clips().shape == (1, 3, 20, 32, 32), odd[number].name


def test_every_kind_stands_in_the_table():
    text = (PROJECT / "data_manifests" / "DECODING.md").read_text(encoding="utf-8")
    table = text[text.index("## Outcome for each kind of video") :]
    assert len(ODD) >= 30
    assert [odd.name for odd in ODD] == re.findall(r"^\| ([^|]*?) \|", table, re.MULTILINE)[1:]
    for odd in BAD:
        (row,) = re.findall(rf"^\| {re.escape(odd.name)} \|.*$", table, re.MULTILINE)
        assert odd.outcome in row
