"""Datasets: which clips an epoch holds, and which frames a clip."""

from dataclasses import replace

import pytest
import torch

from dnrlab.data.config import DataConfig, clip_indices, view_indices
from dnrlab.data.dataset import TrainingClips, VideoViews
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest, select

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)


def test_a_clip_longer_than_its_video_repeats_it(synthetic):
    manifest = select(read_manifest(synthetic), "test")
    config = DataConfig(sampling="dense", num_frames=8, frame_interval=8, short_side=18, crop_size=16)  # spans 57 of 24
    (view,) = VideoViews(manifest, config, READER)[0].clips()
    assert view.shape == (3, 8, 16, 16)
    assert torch.equal(view[:, 0], view[:, 3])  # frames 0 and 24
    assert not torch.equal(view[:, 0], view[:, 1])


def test_the_clips_of_an_epoch_depend_on_seed_and_epoch_alone(synthetic):
    manifest = select(read_manifest(synthetic), "train")
    first, second = (TrainingClips(manifest, TINY, READER, 0) for _ in range(2))
    assert torch.equal(first[1, 3][0], second[1, 3][0])
    assert not torch.equal(first[1, 3][0], first[2, 3][0])
    assert not torch.equal(first[1, 3][0], TrainingClips(manifest, TINY, READER, 1)[1, 3][0])
    assert first[1, 3][0].dtype == torch.uint8


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
    assert unreadable.reason == (
        "expected frames from 3.0 s to 4.0 s, got none (the video has 24 frames at 12 per second); correct the times"
    )


def test_segments_twice_are_tested_with_the_middle_and_the_first_frames():
    config = DataConfig(sampling="twice", num_frames=4, short_side=18, crop_size=16)
    assert view_indices(10, config, 2).tolist() == [[1, 3, 6, 8], [0, 2, 5, 7]]
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    segments = clip_indices(10, TINY, generators[0])
    assert torch.equal(clip_indices(10, config, generators[1]), segments)
    with pytest.raises(ValueError, match=r"expected crop_positions to be one of 5, 13, got 9"):
        DataConfig(crop_positions=9)
    with pytest.raises(ValueError, match=r"expected sampling 'segments' with frames_per_segment 5"):
        DataConfig(sampling="twice", frames_per_segment=5)


def test_a_mirrored_clip_has_the_label_of_its_mirror(synthetic):
    manifest, config = read_manifest(synthetic), DataConfig(sampling="segments", short_side=20, crop_size=16)
    row = manifest.rows.index[manifest.rows["label"] == "left"][0]
    plain, aware = (TrainingClips(replace(manifest, flip=flip), config, READER, 0) for flip in ("none", "label_aware"))
    seen = set()
    for epoch in range(12):
        (before, _), (clip, label) = plain[epoch, row], aware[epoch, row]
        mirrored = not torch.equal(clip, before)
        assert torch.equal(clip, before.flip(-1) if mirrored else before)
        assert manifest.classes[label] == ("right" if mirrored else "left")
        seen.add(mirrored)
    assert seen == {True, False}
