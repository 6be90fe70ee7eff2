"""A path is one local file, whatever its name and its content ask for."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dnrlab.data.decode.reader import VideoFiles
from dnrlab.data.decode.types import VideoError
from dnrlab.data.synthetic.make import encode
from tests.helpers.encoding import encoded, pictures

PROTOCOLS = ("take:1.mp4", "http:clip.mp4", "file:clip.mp4", "concat:clip.mp4", "pipe:0", "clip%03d.mp4", "rtp:1.mp4")
PLAYLISTS = {
    "list.mp4": "ffconcat version 1.0\nfile secret.mp4\n",
    "hls.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.mp4\n#EXT-X-ENDLIST\n",
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "list.mpd": '<?xml version="1.0"?><MPD type="static"><Period><BaseURL>secret.mp4</BaseURL></Period></MPD>',
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a video, which is also the working folder, so that a bare name is a path."""
    monkeypatch.chdir(tmp_path)
    encoded(tmp_path / "secret.mp4", pictures(5))
    return tmp_path


@pytest.mark.parametrize("decoder", ["auto", "pyav", "decord"])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_names_of_protocols_and_patterns_are_files(folder, name, decoder):
    shutil.copy("secret.mp4", name)
    assert VideoFiles(decoder).read_frames(name, np.arange(5)).shape == (5, 48, 64, 3)


def test_links_in_a_path_are_followed(folder):
    """``link/..`` is the folder above the one that the link names, for the decoder too."""
    (folder / "real" / "sub").mkdir(parents=True)
    (folder / "link").symlink_to(folder / "real" / "sub")
    encoded(folder / "real" / "x.mp4", pictures(7))
    encoded(folder / "x.mp4", pictures(5))
    assert VideoFiles("pyav").probe("link/../x.mp4").num_frames == 7


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_are_refused(folder, name):
    (folder / name).write_text(PLAYLISTS[name])
    with pytest.raises(VideoError, match="not a video that can be decoded"):
        VideoFiles().probe(name)


@pytest.mark.parametrize("name", ["img%03d.jpg", "img*.jpg", "img.jpg"])
def test_a_picture_is_one_picture(folder, name):
    for number in range(3):
        Image.new("RGB", (32, 32)).save(folder / f"img{number:03d}.jpg")
    shutil.copy("img000.jpg", name)
    try:
        assert VideoFiles().probe(name).num_frames == 1
    except VideoError as error:
        assert "a pattern for file names" in error.reason  # noqa: PT017 (either is right)


def test_videos_are_written_to_names_of_protocols(folder):
    encode(Path("run:1.mp4"), pictures(5), 10)
    assert VideoFiles().probe("run:1.mp4").num_frames == 5
