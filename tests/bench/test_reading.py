"""Reading speed: what is counted, and against what."""

import time
from dataclasses import replace

import pytest
import torch

from dnrlab.bench.reading import clip_times, loader_speed, loader_speeds, speed_alone, video_speed
from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import TrainingClips, VideoViews
from dnrlab.data.decode.reader import IN_PROCESS, READER, VideoFiles, reader_of
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import read_manifest, select

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)


def slow_read(path, numbers):
    time.sleep(0.02)
    return READER.read_frames(path, numbers)


@pytest.fixture
def manifest(synthetic):
    return select(read_manifest(synthetic), "train")


def test_a_clips_time_is_divided_by_what_took_it(manifest):
    table = clip_times(manifest, TINY, READER._replace(read_frames=slow_read), [2, 5, 7])
    assert list(table["path"]) == list(manifest.rows["path"].iloc[[2, 5, 7]])
    assert list(table["num_frames"]) == [24, 24, 24]
    assert (table["decode_seconds"] > 0.02).all()
    assert (table[["probe_seconds", "transform_seconds"]] > 0).all(axis=None)
    gone = replace(manifest, rows=manifest.rows.assign(path="gone.mp4"))
    with pytest.raises(VideoError, match=r"gone.mp4: no such file"):
        clip_times(gone, TINY, READER, [0])


class Sleeping(TrainingClips):
    """One clip per process every 10 ms, whatever the machine does besides."""

    def __getitem__(self, key):
        time.sleep(0.01)
        return torch.zeros(3, 1, 2, 2, dtype=torch.uint8), 0


def test_a_clip_is_probed_anew_though_its_file_is_known(manifest, monkeypatch):
    asked = []
    slow = IN_PROCESS._replace(examine=lambda path: asked.append(path) or IN_PROCESS.examine(path))
    reader = reader_of(VideoFiles(decoding=slow))
    for _ in range(2):
        clip_times(manifest, TINY, reader, [4])
    assert asked == [manifest.rows["path"].iloc[4]] * 2


def test_two_workers_read_twice_as_fast_as_one_process_alone(manifest):
    clips = Sleeping(manifest, TINY, READER, 0)
    alone, two = speed_alone(clips, 5, 4), loader_speed(clips, 5, 2, 12)
    assert alone < 101
    assert two > 1.3 * alone


class Watching(TrainingClips):
    """Clips that note how many threads make them."""

    def __getitem__(self, key):
        self.threads.add(torch.get_num_threads())
        return torch.zeros(3, 1, 2, 2, dtype=torch.uint8), 0


def test_one_process_alone_has_one_thread_like_a_worker(manifest):
    clips, before = Watching(manifest, TINY, READER, 0), torch.get_num_threads()
    clips.threads = set()
    torch.set_num_threads(2)
    try:
        speed_alone(clips, 5, 2)
        assert (clips.threads, torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(before)


def test_a_loaders_speed_stands_beside_the_promised_one(manifest, monkeypatch):
    monkeypatch.setattr("dnrlab.bench.reading.os.cpu_count", lambda: 2)
    monkeypatch.setattr("dnrlab.bench.reading.speed_alone", lambda *_: 10.0)
    monkeypatch.setattr("dnrlab.bench.reading.loader_speed", lambda *sizes: {0: 9.0, 2: 18.0, 4: 19.0}[sizes[2]])
    table = loader_speeds(TrainingClips(manifest, TINY, READER, 0), batch_size=4, workers=(0, 2, 4), rounds=1)
    assert list(table["promised"]) == [10, 20, 20]  # no more than two cores
    assert list(table["share"]) == pytest.approx([0.9, 0.9, 0.95])


def test_a_bad_video_is_no_fast_one(manifest):
    gone = replace(manifest, rows=manifest.rows.assign(path="gone.mp4"))
    with pytest.raises(ValueError, match=r"videos that can be read, got row \d+: no such file"):
        speed_alone(TrainingClips(gone, TINY, READER, 0), 4, 1)


class SleepingViews(VideoViews):
    """One video per process every 20 ms."""

    def __getitem__(self, row):
        time.sleep(0.02)
        return row


def test_two_workers_read_videos_twice_as_fast(synthetic):
    few = select(read_manifest(synthetic), "train")  # 20 videos
    views = SleepingViews(few, TINY, READER)
    alone, two = (video_speed(views, num_workers=number, rounds=2) for number in (0, 2))
    assert 25 < alone < 50.5
    assert two > 1.3 * alone
    one = VideoViews(replace(few, rows=few.rows.iloc[:2]), TINY, READER)
    with pytest.raises(ValueError, match="expected more than 2 videos, one per worker for its start, got 2"):
        video_speed(one, num_workers=2)
    gone = VideoViews(replace(few, rows=few.rows.assign(path="gone.mp4")), TINY, READER)
    with pytest.raises(ValueError, match=r"got row 0: no such file"):
        video_speed(gone, num_workers=0)
