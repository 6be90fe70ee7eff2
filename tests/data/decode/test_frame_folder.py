"""Folders of frames: which files are frames, and in which order."""

import pytest

from dnrlab.data.decode.frame_folder import frame_files
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError


def files(folder, *names):
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["00-30.jpg", "00-59.jpg", "01-00.jpg", "01-29.jpg"], "expected one number that counts the frames"),
        (["img_1.jpg", "img_2.jpg", "flow_x_1.jpg"], r"2 series of frames \(flow_x_\*.jpg, img_\*.jpg\); keep one"),
        (["left.jpg", "right.jpg"], "2 series of frames"),
        (["a.tga"], "convert: ffmpeg -i %05d.tga %05d.png"),
        (["0.jpg", "5.jpg", "15.jpg"], "frame 10 is missing after 5.jpg"),
    ],
)
def test_frames_whose_order_is_not_certain_are_refused(tmp_path, names, reason):
    files(tmp_path, *names)
    with pytest.raises(VideoError, match=reason):
        READER.probe(str(tmp_path))


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["img_1.jpg", "img_2.jpg", "n_frames", "notes.txt"], "img_1.jpg"),
        (["1403636579763555584.png", "1403636579813555456.png", "1403636579863555591.png"], "1403636579763555584.png"),
        (["cam2_9.jpg", "cam2_10.jpg"], "cam2_9.jpg"),
        (["7.jpg"], "7.jpg"),
    ],
)
def test_frames_are_found_whatever_stands_beside_them(tmp_path, names, first):
    files(tmp_path, *names)
    found = frame_files(str(tmp_path))
    assert found[0] == first
    assert len(found) == sum(name.endswith((".jpg", ".png")) for name in names)
