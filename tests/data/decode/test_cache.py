"""The cache of decoded videos: what is stored, how much, and what happens when it fails."""

import logging
import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dnrlab.data.decode import cache as caches
from dnrlab.data.decode import reader as decode
from dnrlab.data.decode.cache import CachedFrames, cached_reader, reader_for
from dnrlab.data.decode.types import Reader, VideoError, VideoInfo
from dnrlab.data.synthetic.make import encode
from dnrlab.data.transforms import resize_short_side
from tests.helpers.encoding import encoded, pictures


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """20 frames; frame t is grey of brightness 10 * t."""
    path = tmp_path_factory.mktemp("videos") / "steps.mp4"
    encode(path, np.repeat(np.arange(0, 200, 10, dtype=np.uint8), 48 * 64 * 3).reshape(20, 48, 64, 3), 10)
    return str(path)


def made_up(num_frames=20, size=(48, 64)):
    """A reader whose frame t has the value t, and the paths that it was asked for."""
    asked = []

    def read(path, indices):
        asked.append(path)
        return np.broadcast_to(indices.astype(np.uint8)[:, None, None, None], (len(indices), *size, 3)).copy()

    return Reader(lambda _: VideoInfo(num_frames, 10.0, size=size), read), asked


@pytest.fixture
def files(tmp_path):
    """Four files with bytes of their own, for a reader that makes frames up."""
    for name in "abcd":
        (tmp_path / name).write_text(name)
    return [str(tmp_path / name) for name in "abcd"]


def stored(folder):
    return len([*folder.glob("*.npy")])


def test_small_sets_are_cached_and_large_ones_are_not():
    assert not isinstance(reader_for("", 36, 10).read_frames, CachedFrames)
    assert not isinstance(reader_for("auto", 36, 100_000).read_frames, CachedFrames)
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


def test_the_cache_notices_a_changed_folder_of_frames(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    reader = cached_reader(decode.READER, tmp_path / "cache", 24)
    for brightness in (40, 200):
        Image.fromarray(np.full((24, 32, 3), brightness, np.uint8)).save(folder / "00001.jpg")
        assert abs(reader.read_frames(str(folder), np.array([0])).mean() - brightness) < 2


def test_a_cached_reader_can_be_sent_to_a_process_and_leaves_large_videos_alone(tmp_path, video, monkeypatch):
    reader = pickle.loads(pickle.dumps(cached_reader(decode.READER, tmp_path / "cache", 24)))
    assert reader.read_frames(video, np.array([3])).shape == (1, 24, 32, 3)
    (tmp_path / "cache").rename(tmp_path / "other")
    monkeypatch.setattr(caches, "LARGEST", 20 * 24 * 32 * 3 - 1)  # bytes
    assert reader.read_frames(video, np.array([3])).shape == (1, 48, 64, 3)
    assert not (tmp_path / "cache").exists()


def test_stored_frames_are_those_resized_at_once_whatever_the_parts(tmp_path, monkeypatch):
    path = str(encoded(tmp_path / "a.mp4", pictures(20, 48, 64)))
    frames = torch.from_numpy(decode.read_frames(path, np.arange(20))).permute(0, 3, 1, 2)
    whole = resize_short_side(frames, 24).permute(0, 2, 3, 1).numpy()
    monkeypatch.setattr(decode, "PART_BYTES", 3 * 48 * 64 * 3)  # three frames
    for reader in (decode.READER, reader_for("", 24, 1)):
        folder = tmp_path / str(id(reader))
        assert np.array_equal(cached_reader(reader, folder, 24).read_frames(path, np.arange(20)), whole)
        assert stored(folder) == 1


def test_the_decoder_is_part_of_the_name(tmp_path, files):
    reader, asked = made_up()
    for decoder in ("auto", "pyav", "auto"):
        cached_reader(reader, tmp_path / "cache", 24, decoder).read_frames(files[0], np.array([3]))
    assert (stored(tmp_path / "cache"), len(asked)) == (2, 2)


def test_what_was_read_least_recently_makes_room_for_a_new_training(tmp_path, files, monkeypatch):
    reader, asked = made_up()
    folder, size = tmp_path / "cache", 20 * 24 * 32 * 3 + 128
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 10 * size))
    monkeypatch.setattr(caches, "SHARE", 0.3)
    first = cached_reader(reader, folder, 24)
    for path in files:
        assert first.read_frames(path, np.array([5])).max() == 5
    assert stored(folder) == 3  # the fourth has no room, and the others stay, because this training reads them again
    asked.clear()
    for path in files:
        first.read_frames(path, np.array([5]))
    assert asked == [files[3]]
    old = time.time() - 1000
    for number, path in enumerate(files[:3]):
        os.utime(folder / caches.cache_name(path, 24, "auto"), (old + number, old + number))
    second = cached_reader(reader, folder, 24)
    second.read_frames(files[0], np.array([5]))  # used again, so b is the oldest
    second.read_frames(files[3], np.array([5]))
    names = {caches.cache_name(path, 24, "auto") for path in (files[0], files[2], files[3])}
    assert {file.name for file in folder.glob("*.npy")} == names
    assert sum(file.stat().st_size for file in folder.glob("*.npy")) <= 3 * size


def test_other_files_in_the_folder_are_never_removed(tmp_path, files, monkeypatch):
    own = [tmp_path / name for name in ("thesis.docx", "a.npy", f"{'0' * 31}.npy")]
    for file in own:
        file.write_bytes(bytes(1000))
        os.utime(file, (1, 1))
    monkeypatch.setattr(caches, "SHARE", 0)
    assert cached_reader(made_up()[0], tmp_path, 24).read_frames(files[0], np.array([5])).max() == 5
    assert all(file.exists() for file in own)


def test_a_cache_that_fails_is_left_with_one_line(tmp_path, files, monkeypatch, caplog):
    reader, _asked = made_up()
    cached = cached_reader(reader, tmp_path / "cache", 24)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caches.np.lib.format, "write_array_header_1_0", full)
    with caplog.at_level(logging.WARNING, "dnrlab"):
        for path in files:
            assert cached.read_frames(path, np.array([5])).max() == 5
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    folder, reason = tmp_path / "cache", "[Errno 28] No space left on device"
    assert warnings == [f"the cache {folder} is switched off, so videos are decoded every time: {reason}"]
    assert not any((tmp_path / "cache").iterdir())


def test_a_folder_that_cannot_be_made_is_left(tmp_path, files, caplog):
    (tmp_path / "file").write_text("")
    cached = cached_reader(made_up()[0], tmp_path / "file" / "cache", 24)
    with caplog.at_level(logging.WARNING, "dnrlab"):
        assert cached.read_frames(files[0], np.array([5])).max() == 5
    assert "is switched off" in caplog.text


def test_a_cached_file_that_was_cut_is_decoded_again(tmp_path, files):
    reader, _asked = made_up()
    cached = cached_reader(reader, tmp_path / "cache", 24)
    cached.read_frames(files[0], np.array([5]))
    (file,) = (tmp_path / "cache").glob("*.npy")
    for content in (file.read_bytes()[:1000], b""):
        file.write_bytes(content)
        for _ in range(2):
            assert cached.read_frames(files[0], np.array([5])).max() == 5
        assert file.stat().st_size > 1000


def test_an_error_of_the_video_is_not_an_error_of_the_cache(tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    cached = cached_reader(decode.READER, tmp_path / "cache", 24)
    with pytest.raises(VideoError, match="not a video"):
        cached.read_frames(str(tmp_path / "bad.mp4"), np.array([0]))
    assert not caches.has_failed(tmp_path / "cache")[0]


MEMORY = """
import resource, sys
import numpy as np
from dnrlab.data.decode.cache import reader_for
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
frames = reader_for(sys.argv[2], 36, 1).read_frames(sys.argv[1], np.array([0, 99]))
print(frames.shape[1], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_storing_a_large_video_takes_little_memory(tmp_path):
    path = encoded(tmp_path / "large.mp4", np.zeros((100, 720, 1280, 3), np.uint8), preset="ultrafast")
    done = subprocess.run([sys.executable, "-c", MEMORY, path, tmp_path / "cache"], capture_output=True, text=True)
    side, megabytes = map(float, done.stdout.split())
    assert side == 36, done.stderr
    assert megabytes < 220, done.stderr  # the frames take 264 MB, and took twice that before
