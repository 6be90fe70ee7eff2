"""Reading videos: frame-exact, in the asked order, from files that are damaged or are none."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from dnrlab.data import decode
from dnrlab.data.cache import cached_reader, reader_for
from dnrlab.data.synthetic import encode

READERS = {
    "decord": lambda path, indices: decode.read_frames(path, indices),
    "pyav": lambda path, indices: decode.read_pyav(path, np.unique(indices))[
        np.unique(indices, return_inverse=True)[1]
    ],
}


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """20 frames; frame t is grey of brightness 10 * t."""
    path = tmp_path_factory.mktemp("videos") / "steps.mp4"
    encode(path, np.repeat(np.arange(0, 200, 10, dtype=np.uint8), 48 * 64 * 3).reshape(20, 48, 64, 3), 10)
    return str(path)


def test_probe_counts_frames_and_rate(video):
    assert decode.probe(video) == (20, 10.0)
    assert decode.probe_pyav(video) == (20, 10.0)


@pytest.mark.parametrize("reader", READERS)
def test_frames_come_in_the_asked_order_also_twice(video, reader):
    frames = READERS[reader](video, np.array([7, 0, 19, 7]))
    assert frames.shape == (4, 48, 64, 3)
    assert np.abs(frames.mean(axis=(1, 2, 3)) - [70, 0, 190, 70]).max() < 3


def test_both_readers_give_the_same_pixels(video):
    indices = np.arange(20)
    difference = READERS["decord"](video, indices).astype(int) - READERS["pyav"](video, indices)
    assert np.abs(difference).max() <= 2  # two converters from YUV to RGB


@pytest.mark.parametrize("indices", [[-1], [20], []])
def test_numbers_outside_the_video_are_refused(video, indices):
    with pytest.raises(IndexError, match=r"frame numbers in \[0, 20\)"):
        decode.read_frames(video, np.array(indices, dtype=np.int64))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file; correct the path"),
        ("folder", "a folder, where a video file was expected"),
        (b"", r"an empty file \(0 bytes\)"),
        (b"this is no video" * 100, "not a video that can be decoded"),
        ("truncated", "not a video that can be decoded"),
    ],
)
def test_a_bad_file_is_named_with_its_reason(tmp_path, video, content, reason):
    path = tmp_path / "bad.mp4"
    if content == "folder":
        path.mkdir()
    elif content == "truncated":
        whole = open(video, "rb").read()  # noqa: PTH123, SIM115
        path.write_bytes(whole[: len(whole) // 2])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(decode.VideoError, match=reason) as caught:
        decode.probe(str(path))
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)


def test_the_error_can_be_sent_to_another_process():
    error = pickle.loads(pickle.dumps(decode.VideoError("a.mp4", "no frames")))
    assert (error.path, error.reason, str(error)) == ("a.mp4", "no frames", "a.mp4: no frames")


def test_a_video_damaged_in_the_middle_is_named_when_it_is_read(tmp_path):
    rng = np.random.default_rng(0)
    whole = tmp_path / "noise.mp4"
    encode(whole, rng.integers(0, 255, (60, 64, 64, 3), dtype=np.uint8), 10)
    content = bytearray(whole.read_bytes())
    content[len(content) // 4 : -4000] = b"\0" * (len(content) - len(content) // 4 - 4000)
    whole.write_bytes(content)
    assert decode.probe(str(whole)).num_frames == 60
    with pytest.raises(decode.VideoError, match=r"noise.mp4: decoding stopped"):
        decode.read_frames(str(whole), np.arange(60))


def test_a_cached_reader_can_be_sent_to_a_process_and_leaves_long_videos_alone(tmp_path, video, monkeypatch):
    reader = pickle.loads(pickle.dumps(cached_reader(decode.READER, tmp_path / "cache", 24)))
    assert reader.read_frames(video, np.array([3])).shape == (1, 24, 32, 3)
    monkeypatch.setattr("dnrlab.data.cache.LONG_VIDEO", 19)
    assert reader.read_frames(video, np.array([3])).shape == (1, 48, 64, 3)


def test_small_sets_are_kept_and_large_ones_are_not():
    assert reader_for("", 36, 10) is decode.READER
    assert reader_for("auto", 36, 100_000) is decode.READER
    assert reader_for("auto", 36, 10).read_frames.folder == Path("runs/cache")
    assert reader_for("kept", 36, 100_000).read_frames.folder == Path("kept")


def test_the_cache_decodes_a_video_once_and_a_changed_one_again(tmp_path, video):
    calls = []

    def counted(path, indices):
        calls.append(path)
        return decode.read_frames(path, indices)

    reader = cached_reader(decode.Reader(decode.probe, counted), tmp_path / "cache", 24)
    first = reader.read_frames(video, np.array([3, 1]))
    assert first.shape == (2, 24, 32, 3)
    assert np.abs(first.mean(axis=(1, 2, 3)) - [30, 10]).max() < 3
    assert np.array_equal(reader.read_frames(video, np.array([3, 1])), first)
    assert len(calls) == 1
    copy = tmp_path / "steps.mp4"
    copy.write_bytes(open(video, "rb").read())  # noqa: PTH123, SIM115
    reader.read_frames(str(copy), np.array([0]))
    encode(copy, np.zeros((25, 48, 64, 3), dtype=np.uint8), 10)
    assert reader.read_frames(str(copy), np.array([24])).max() < 5
    assert len(calls) == 3


def test_real_clips_are_read_alike_by_both_readers(real_data):
    paths = sorted((real_data / "jhmdb21" / "clips").rglob("*.mp4"))[:5]
    assert len(paths) == 5
    for path in paths:
        indices = np.array([0, 9, 4, 9])
        difference = READERS["decord"](str(path), indices).astype(int) - READERS["pyav"](str(path), indices)
        assert np.abs(difference).mean() < 1
