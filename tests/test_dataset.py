"""Datasets: which clips an epoch holds, and which frames a clip."""

import pytest
import torch

from dnrlab.data.dataset import (
    DataConfig,
    EpochBatches,
    TrainingClips,
    VideoViews,
    clip_numbers,
    refuse_unreadable,
    training_loader,
    view_numbers,
)
from dnrlab.data.decode import READER, VideoError
from dnrlab.data.manifest import read_manifest, select

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)


def test_a_clip_longer_than_its_video_repeats_it(synthetic):
    manifest = select(read_manifest(synthetic), "test")
    config = DataConfig(sampling="dense", num_frames=8, frame_interval=8, short_side=18, crop_size=16)  # spans 57 of 24
    (view,) = VideoViews(manifest, config, READER)[0].clips
    assert view.shape == (3, 8, 16, 16)
    assert torch.equal(view[:, 0], view[:, 3])  # frames 0 and 24
    assert not torch.equal(view[:, 0], view[:, 1])


def test_the_clips_of_an_epoch_depend_on_seed_and_epoch_alone(synthetic):
    manifest = select(read_manifest(synthetic), "train")
    first, second = (TrainingClips(manifest, TINY, READER, 0) for _ in range(2))
    assert torch.equal(first[1, 3][0], second[1, 3][0])
    assert not torch.equal(first[1, 3][0], first[2, 3][0])
    assert not torch.equal(first[1, 3][0], TrainingClips(manifest, TINY, READER, 1)[1, 3][0])


def test_an_epoch_holds_every_row_once():
    batches = list(EpochBatches(23, 5, seed=0, epoch=2))
    rows = [row for batch in batches for _, row in batch]
    assert len(batches) == 4
    assert len(set(rows)) == 20
    assert {epoch for batch in batches for epoch, _ in batch} == {2}
    assert rows != [row for batch in EpochBatches(23, 5, seed=0, epoch=3) for _, row in batch]
    assert [len(batch) for batch in EpochBatches(3, 5, seed=0, epoch=0)] == [3]


def test_a_time_span_limits_the_frames_of_a_video(synthetic, tmp_path):
    row = read_manifest(synthetic).rows.iloc[[0]]  # 24 frames, 12 a second
    row.assign(start_seconds=0.5, end_seconds=1.0).to_csv(tmp_path / "part.csv", index=False)
    row.assign(start_seconds=3.0, end_seconds=4.0).to_csv(tmp_path / "none.csv", index=False)
    asked = []

    def read(path, indices):
        asked.extend(indices.tolist())
        return READER.read_frames(path, indices)

    config = DataConfig(sampling="segments", num_frames=6, short_side=18, crop_size=16)
    VideoViews(read_manifest(tmp_path / "part.csv"), config, READER._replace(read_frames=read))[0]
    assert asked == [6, 7, 8, 9, 10, 11]
    unreadable = TrainingClips(read_manifest(tmp_path / "none.csv"), config, READER, 0)[0, 0]
    assert unreadable.reason == "no frame from 3.0 s to 4.0 s; the video has 24 frames at 12 a second"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_training_names_a_bad_video_without_a_workers_traceback(synthetic, tmp_path, num_workers):
    rows = read_manifest(synthetic).rows.head(6).copy()
    rows.loc[4, "path"] = str(tmp_path / "gone.mp4")
    rows.to_csv(tmp_path / "videos.csv", index=False)
    manifest = read_manifest(tmp_path / "videos.csv")
    loader = training_loader(TrainingClips(manifest, TINY, READER, 0), 2, 0, num_workers)
    (video,) = [video for batch in loader for video in batch.unreadable]
    with pytest.raises(VideoError) as caught:
        refuse_unreadable(video, manifest)
    assert str(caught.value).startswith(f"{tmp_path / 'gone.mp4'}: no such file; correct the path")
    assert "Traceback" not in str(caught.value)


def test_segments_twice_are_tested_with_the_middle_and_the_first_frames():
    config = DataConfig(sampling="twice", num_frames=4, short_side=18, crop_size=16)
    assert view_numbers(10, config, 2).tolist() == [[1, 3, 6, 8], [0, 2, 5, 7]]
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    segments = clip_numbers(10, TINY, generators[0])
    assert torch.equal(clip_numbers(10, config, generators[1]), segments)
    with pytest.raises(ValueError, match=r"sampling segments for a network of 5 neighbouring frames"):
        DataConfig(sampling="twice", frames_per_segment=5)
