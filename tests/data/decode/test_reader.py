"""Reading videos: frame-exact, in the asked order, from files that are damaged or are none."""

import logging
import pickle
import re

import numpy as np
import pytest

from dnrlab.data.check.decode_all import decode_whole
from dnrlab.data.config import DataConfig
from dnrlab.data.decode import reader as decode
from dnrlab.data.decode.decord_reader import have_decord
from dnrlab.data.decode.packets import Packet, groups_are_closed
from dnrlab.data.decode.reader import READER, VideoFiles
from dnrlab.data.decode.types import VideoError
from dnrlab.data.synthetic.make import encode

needs_decord = pytest.mark.skipif(not have_decord(), reason="decord has no wheel for this machine")
DECODERS = [pytest.param("decord", marks=needs_decord), "pyav"]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """20 frames; frame t is grey of brightness 10 * t."""
    path = tmp_path_factory.mktemp("videos") / "steps.mp4"
    encode(path, np.repeat(np.arange(0, 200, 10, dtype=np.uint8), 48 * 64 * 3).reshape(20, 48, 64, 3), 10)
    return str(path)


def test_probe_counts_frames_and_rate(video):
    assert decode.probe(video) == (20, 10.0, (), True, (48, 64), "")
    assert decode.probe(video).duration_seconds == 2


@pytest.mark.parametrize("decoder", DECODERS)
def test_frames_come_in_the_asked_order_also_twice(video, decoder):
    frames = VideoFiles(decoder).read_frames(video, np.array([7, 0, 19, 7]))
    assert frames.shape == (4, 48, 64, 3)
    assert np.abs(frames.mean(axis=(1, 2, 3)) - [70, 0, 190, 70]).max() < 3


@pytest.mark.parametrize("decoder", DECODERS)
def test_each_frame_is_decoded_once(video, decoder):
    asked = []

    def counted(decoder, path, parts):
        asked.extend(part.tolist() for part in parts)
        return decode.decode(decoder, path, parts)

    files = VideoFiles(decoder, decode.IN_PROCESS._replace(decode=counted))
    files.read_frames(video, np.array([0]))  # reads a few others as a proof that decord seeks exactly
    asked.clear()
    views = np.array([[9, 3, 3], [3, 9, 0]])
    frames = files.read_frames(video, views.flatten())
    assert asked == [[0, 3, 9]]
    assert np.array_equal(frames[0], frames[4])


@pytest.mark.parametrize("indices", [[1.7], [True]])
def test_indices_that_are_no_integers_are_refused(video, indices):
    with pytest.raises(TypeError, match="frame indices of an integer type, got"):
        decode.read_frames(video, np.array(indices))


def test_an_unknown_decoder_is_refused():
    with pytest.raises(ValueError, match=r"auto, decord, pyav, got 'opencv'"):
        VideoFiles("opencv")
    with pytest.raises(ValueError, match=r"auto, decord, pyav, got 'opencv'"):
        DataConfig(decoder="opencv")


@pytest.mark.parametrize(
    ("times", "keys", "exact"),
    [
        ([0, 2, 1, 3, 5, 4], [0, 3], True),
        ([0, 2, 1, 5, 3, 4], [0, 3], False),  # 3 and 4 are stored after key frame 5, and shown before it
        ([0, 3, 1, 2], [0, 3], False),  # 3 is stored before key frame 2, and shown after it
        ([0, 1, 2], [1], False),
        ([0, 1, 1], [0], False),
        ([0, None, 2], [0], False),
    ],
)
def test_decord_seeks_only_where_no_frame_crosses_a_key_frame(times, keys, exact):
    assert groups_are_closed([Packet(time, number in keys, False) for number, time in enumerate(times)]) == exact
    assert not groups_are_closed([Packet(time, number in keys, number == 2) for number, time in enumerate(times)])


def test_a_failure_of_decord_is_logged_once_and_pyav_reads(video, caplog):
    def broken(decoder, path, parts):
        if decoder == "decord" and parts[0][0] > 1:  # after the proof that it seeks exactly
            raise VideoError(path, "decord broke")
        yield from decode.decode(decoder, path, parts)

    decoding = decode.IN_PROCESS._replace(decode=broken)
    with caplog.at_level(logging.WARNING, "dnrlab"):
        first = VideoFiles("auto", decoding).read_frames(video, np.array([3]))
        VideoFiles("auto", decoding).read_frames(video, np.array([4]))
    assert abs(first.mean() - 30) < 3
    assert [record.message for record in caplog.records if have_decord()] == [
        f"{video}: decord failed, so PyAV reads it: decord broke"
    ]
    with pytest.raises(VideoError, match="decord broke"):
        VideoFiles("decord", decoding).read_frames(video, np.array([3]))


@pytest.mark.parametrize("indices", [[-1], [20], []])
def test_indices_outside_the_video_are_refused(video, indices):
    with pytest.raises(IndexError, match=r"expected frame indices in \[0, 20\), got"):
        decode.read_frames(video, np.array(indices, dtype=np.int64))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file; correct the path"),
        ("folder", "a folder without frames"),
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


@needs_decord
@pytest.mark.parametrize("folder", ["jhmdb21/clips", "egogestar10/clips", "demo_clips"])
def test_real_clips_are_read_alike_by_both_decoders(real_data, folder):
    paths = [
        str(path) for path in sorted((real_data / folder).rglob("*.m*")) if path.suffix in (".mp4", ".mkv", ".mov")
    ]
    for path in paths[:: max(len(paths) // 10, 1)]:
        if "corrupted" in path:
            continue
        decode.read_frames(path, np.array([0]))
        if not decode.probe(path).seeks:
            assert "nasa" in path  # two streams of video
            continue
        indices = np.array([0, 9, 4, 9, 40]) % decode.probe(path).num_frames
        both = [VideoFiles(decoder).read_frames(path, indices) for decoder in ("decord", "pyav")]
        assert np.array_equal(*both), path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("https://example.org/a.mp4", "a URL, not a local file"),
        ("/data/https://example.org/a.mp4", "a URL, not a local file"),
        ("rtsp:/camera", "a URL, not a local file"),
        ("a" * 300 + ".mp4", "cannot be read .OSError: File name too long"),
        ("a\0b.mp4", "no such file"),
    ],
)
def test_whatever_is_wrong_with_a_path_is_an_error_of_its_row(path, reason):
    with pytest.raises(VideoError, match=reason):
        VideoFiles().probe(path)
    assert re.search(reason, decode_whole(path, READER).reason)


@pytest.mark.parametrize("decoder", DECODERS)
def test_parts_are_the_whole_whatever_their_size_and_a_read_has_a_bound(video, decoder, monkeypatch):
    files, frame = VideoFiles(decoder), 48 * 64 * 3  # bytes
    whole = files.read_frames(video, np.arange(20))
    monkeypatch.setattr(decode, "PART_BYTES", 3 * frame)
    parts = [np.array(part) for part in files.read_parts(video, np.arange(20))]
    assert [len(part) for part in parts] == [3, 3, 3, 3, 3, 3, 2]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(files.read_frames(video, np.array([17, 0, 9, 3, 17])), whole[[17, 0, 9, 3, 17]])
    monkeypatch.setattr(decode, "MOST_BYTES", 10 * frame)
    assert len(files.read_frames(video, np.arange(10))) == 10
    with pytest.raises(VideoError, match=r"11 frames of 64 x 48 pixels take 0.0 GiB, more than .* GiB; encode it with"):
        files.read_frames(video, np.arange(11))


def test_pyav_goes_on_from_the_part_at_which_decord_fails(video, monkeypatch):
    def broken(decoder, path, parts):
        for number, frames in enumerate(decode.decode(decoder, path, parts)):
            if decoder == "decord" and number == 2:
                raise VideoError(path, "decord broke")
            yield frames

    whole = VideoFiles("pyav").read_frames(video, np.arange(20))
    monkeypatch.setattr(decode, "PART_BYTES", 3 * 48 * 64 * 3)
    files = VideoFiles("auto", decode.IN_PROCESS._replace(decode=broken))
    assert np.array_equal(files.read_frames(video, np.arange(20)), whole)
