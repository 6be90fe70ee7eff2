"""Frames are exact in every container and codec: the same as those of FFmpeg's command, whichever are asked for."""

import math
import re

import av
import numpy as np
import pytest
import torch

from dnrlab.data.decode.decord_reader import have_decord
from dnrlab.data.decode.h264 import is_progressive
from dnrlab.data.decode.one_frame import shows_a_frame
from dnrlab.data.decode.packets import examine_file
from dnrlab.data.decode.reader import READER, VideoFiles
from dnrlab.data.decode.seeking import same_frames
from dnrlab.data.packed_rows import Row
from dnrlab.data.video_span import locate, read_span, span_frames
from tests.helpers.containers import (
    CELLS,
    NUM_FRAMES,
    ffmpeg,
    frames_of_ffmpeg,
    make,
    numbered,
    numbers,
    raw_input,
    seconds_of_ffmpeg,
)
from tests.helpers.fields import LEVELS, SIZE, fields
from tests.helpers.paths import PROJECT

QUICK = [
    cell for cell in CELLS if cell.group == 12 and (cell.b_frames == 2 or cell.codec not in ("mpeg4", "mpeg1video"))
]
SLOW = [cell for cell in CELLS if cell not in QUICK]
ASKED = ([6, 18, 30, 42, 54], [0, 7, 14, 21, 28, 35, 42, 49, 56], [17], [59], [30], list(range(60)))


def check(cell, folder):
    path = make(cell, folder)
    size = (576, 720) if cell.codec == "dvvideo" else (64, 96)
    expected = numbers(frames_of_ffmpeg(path, *size))
    info = READER.probe(path)
    assert info.num_frames == len(expected) == NUM_FRAMES
    for indices in ASKED:
        assert numbers(READER.read_frames(path, np.array(indices))) == [expected[index] for index in indices]
    info = READER.probe(path)  # now it is known whether seeks were proved
    if info.seeks:  # decord alone, which was trusted
        for indices in ASKED:
            assert numbers(VideoFiles("decord").read_frames(path, np.array(indices))) == [expected[i] for i in indices]
    if have_decord() and (cell.codec, cell.container, cell.group) in [
        ("libx264", name, 12) for name in ("mp4", "mkv", "mov")
    ]:
        assert info.seeks
    if (cell.container, cell.codec) == ("avi", "libx264"):
        assert not info.seeks or cell.group == 300


@pytest.mark.parametrize("cell", QUICK, ids=lambda cell: cell.name)
def test_frames_are_exact(cell, tmp_path):
    check(cell, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("cell", SLOW, ids=lambda cell: cell.name)
def test_frames_are_exact_in_all_other_cells(cell, tmp_path):
    check(cell, tmp_path)


def test_every_cell_stands_in_the_table():
    table = (PROJECT / "data_manifests" / "DECODING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (?:seek|start)", table, re.MULTILINE)
    assert rows == list(dict.fromkeys((cell.codec, cell.container) for cell in CELLS))
    assert len(CELLS) >= 40


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_two_fields_are_one_frame(container, tmp_path):
    path = str(fields(tmp_path / f"fields.{container}"))
    expected = frames_of_ffmpeg(path, SIZE, SIZE)
    READER.read_frames(path, np.array([0]))
    info = READER.probe(path)
    assert (info.num_frames, info.fps, info.seeks) == (len(expected), 25, False) == (len(LEVELS), 25, False)
    indices = np.array([3, 20, 39])
    luma = np.array([LEVELS[index] for index in indices])
    assert np.abs(READER.read_frames(path, indices).mean(axis=(1, 2, 3)) - (luma - 16) * 255 / 219).max() < 1.5
    assert np.abs(READER.read_frames(path, indices).astype(int) - expected[indices]).max() <= 2


def test_interlaced_h264_is_recognised_in_both_forms_of_its_parameters(tmp_path):
    for options, progressive in (((), True), (("-x264-params", "interlaced=1"), False)):
        for name in ("a.mp4", "a.ts", "a.mkv"):
            path = tmp_path / name
            ffmpeg(*raw_input(), "-c:v", "libx264", "-pix_fmt", "yuv420p", *options, path, given=numbered(4).tobytes())
            with av.open(str(path)) as container:
                assert is_progressive(container.streams.video[0].codec_context.extradata) == progressive
            assert READER.probe(str(path)).num_frames == 4
    assert not is_progressive(b"")
    assert not is_progressive(b"\0\0\1\x67\x4d")


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_hidden_reference_frames_are_not_counted(codec, tmp_path):
    path, frames = tmp_path / "hidden.webm", numbered(75).tobytes()
    options = (
        "-c:v",
        codec,
        "-b:v",
        "200k",
        "-auto-alt-ref",
        1,
        "-lag-in-frames",
        16,
        "-passlogfile",
        tmp_path / "log",
    )
    ffmpeg(*raw_input(), *options, "-pass", 1, "-f", "null", "-", given=frames)
    ffmpeg(*raw_input(), *options, "-pass", 2, path, given=frames)
    assert READER.probe(str(path)).num_frames == len(frames_of_ffmpeg(path)) == 75
    assert numbers(READER.read_frames(str(path), np.array([1, 40, 74]))) == [1, 40, 74]


@pytest.mark.parametrize(
    ("name", "packet", "shown"),
    [
        ("vp8", b"\x10\0\0", True),  # RFC 6386, §9.1: bit 4 of the first byte
        ("vp8", b"\x01\0\0", False),
        ("vp9", bytes([0b10000010, 0]), True),  # marker 10, profile 0, no earlier frame, key frame, shown
        ("vp9", bytes([0b10000000, 0]), False),
        ("vp9", bytes([0b10001000]), True),  # an earlier frame is shown again
        ("vp9", bytes([0b10110001, 0]), True),  # profile 3, with its reserved bit
        ("vp9", bytes([0b10110010, 0]), False),
        ("vp9", bytes([0b10000000, 0, 0b11000001]), True),  # a superframe
    ],
)
def test_which_packets_of_vp8_and_vp9_are_shown(name, packet, shown):
    assert shows_a_frame(name, packet) == shown


def variable(path):
    """Twenty frames at 10 per second, then forty at 50 per second; frames 20 to 59 begin at 2 s."""
    times = "if(lt(N,20),N/10,2+(N-20)/50)/TB"
    options = ("-vf", f"settb=1/1000,setpts='{times}'", "-fps_mode", "passthrough", "-enc_time_base", "1/1000")
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", 12)
    ffmpeg(*raw_input(), *options, *codec, path, given=numbered().tobytes())
    return str(path)


@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_times_are_those_of_the_frames_also_where_the_rate_varies(container, tmp_path):
    path = variable(tmp_path / f"variable.{container}")
    info, expected = READER.probe(path), seconds_of_ffmpeg(path)
    assert np.abs(info.seconds_of(np.arange(60)) - expected).max() <= 1e-3
    for start, end, frames in ((0, 2, (0, 20)), (2, 2.1, (20, 25)), (0.95, 2.05, (10, 23)), (math.nan, 0.1, (0, 1))):
        assert span_frames(Row(path, 0, start, end), info) == frames
        inside = (expected >= (0 if math.isnan(start) else start) - 1e-3) & (expected < end - 1e-3)
        assert np.flatnonzero(inside).tolist() == list(range(*frames))
    video = locate(Row(path, 0, 2, 2.1), READER)
    shown = read_span(video, torch.arange(5), READER).permute(0, 2, 3, 1).numpy()
    assert numbers(shown) == [20, 21, 22, 23, 24]


def test_a_stream_without_a_frame_rate_has_times(tmp_path):
    path = tmp_path / "rateless.ivf"
    ffmpeg(*raw_input(), "-c:v", "libvpx", "-b:v", "1M", path, given=numbered().tobytes())
    info = examine_file(str(path)).info
    assert abs(info.fps - 25) < 0.01
    assert span_frames(Row(str(path), 0, 1, 2), info) == (25, 50)


def test_frames_that_all_look_alike_prove_nothing():
    frames = numbered(4)
    assert same_frames(frames, frames)
    assert not same_frames(frames, frames[[0, 1, 1, 3]])
    assert not same_frames(frames[[0, 0, 2, 3]], frames)
    alike = np.full_like(frames, 7)
    assert not same_frames(alike, alike)
    assert same_frames(alike[:2], alike[:2])  # of one group of pictures, which needs no seek
    assert not same_frames(frames, frames[:, :-2])


def test_joined_streams_whose_clock_starts_again_have_times_by_their_rate(tmp_path):
    ffmpeg(*raw_input(), "-c:v", "libx264", "-pix_fmt", "yuv420p", tmp_path / "a.ts", given=numbered().tobytes())
    path = tmp_path / "twice.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() * 2)
    info = READER.probe(str(path))
    assert (info.num_frames, info.fps) == (120, 25)
    assert span_frames(Row(str(path), 0, 0, 2), info) == (0, 50)
    assert numbers(READER.read_frames(str(path), np.array([3, 59, 60, 119]))) == [3, 59, 0, 59]
