"""Videos that cannot be read: a training stops or goes on without them, an evaluation counts them; none is replaced."""

import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab.data.dataset import Batch, DataConfig, TrainingClips, VideoViews, collate_clips
from dnrlab.data.decode import READER, VideoError
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.evaluation.results import read_skipped, write_skipped
from dnrlab.training.config import TrainConfig
from dnrlab.training.loop import train_epoch
from dnrlab.training.recipes import demo, override
from dnrlab.training.run import train

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)
SETTINGS = {"epochs": 2, "batch_size": 4, "crop_size": 16, "short_side": 18, "num_frames": 2, "warmup_iterations": 0}


@pytest.fixture
def damaged(synthetic, tmp_path):
    """A manifest whose fourth training video and first validation video are no videos."""
    rows = read_manifest(synthetic).rows
    for split, place in (("train", 3), ("val", 0)):
        bad = tmp_path / f"{split}.mp4"
        bad.write_bytes(b"no video")
        rows.loc[rows.index[rows["split"] == split][place], "path"] = str(bad)
    rows.to_csv(tmp_path / "damaged.csv", index=False)
    return tmp_path / "damaged.csv"


def test_the_other_clips_of_a_batch_stay_as_they_are(synthetic, damaged):
    whole, torn = (
        TrainingClips(select(read_manifest(file), "train"), TINY, READER, 0) for file in (synthetic, damaged)
    )
    keys = [(0, 2), (0, 3), (0, 4)]
    batch = collate_clips([torn[key] for key in keys])
    assert [video.row for video in batch.unreadable] == [3]
    assert torch.equal(batch.clips, torch.stack([whole[key][0] for key in (keys[0], keys[2])]))
    assert batch.labels.tolist() == [whole[key][1] for key in (keys[0], keys[2])]
    empty = collate_clips([torn[0, 3]])
    assert (len(empty.clips), len(empty.labels), len(empty.unreadable)) == (0, 0, 1)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_training_told_to_skip_lists_what_it_left_out(damaged, tmp_path, num_workers, caplog):
    recipe = override(demo(), **SETTINGS, bad_videos="skip")
    run_dir = tmp_path / "run"
    with caplog.at_level("WARNING", "dnrlab"):
        history = train(recipe, read_manifest(damaged), run_dir, progress=False, num_workers=num_workers)
    assert list(history["clips"]) == [19, 19]  # of 20
    assert list(history["skipped"]) == [1, 1]
    for split, total in (("train", 20), ("val", 10)):
        skipped = pd.read_csv(run_dir / f"skipped_{split}.csv")
        assert list(skipped["path"]) == [str(damaged.parent / f"{split}.mp4")]
        assert skipped["reason"][0].startswith("not a video")
        assert f"1 of {total} videos" in caplog.text
    assert caplog.text.count("training goes on without") == 1  # said once


def test_a_training_stops_at_a_bad_video_unless_told_otherwise(damaged, tmp_path):
    with pytest.raises(VideoError, match=r"train.mp4: not a video.*bad_videos 'skip' goes on without"):
        train(override(demo(), **SETTINGS), read_manifest(damaged), tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "skipped_train.csv").exists()
    with pytest.raises(ValueError, match=r"bad_videos in \('error', 'skip'\), got 'replace'"):
        TrainConfig(bad_videos="replace")
    with pytest.raises(ValueError, match="got 'replace'"):
        EvalConfig(bad_videos="replace")


def test_a_batch_without_a_clip_is_a_step_of_the_schedule_alone():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    empty = Batch(torch.empty(0, 3, 0, 0, 0), torch.empty(0, dtype=torch.int64), [])
    full = Batch(torch.rand(2, 3, 1, 2, 2), torch.tensor([0, 1]), [])
    result = train_epoch(model, [full, empty], optimizer, schedule, device="cpu", clip_norm=1.0)
    assert result.clips == 2
    assert schedule.get_last_lr() == [0.025]
    with pytest.raises(ValueError, match="none of the training videos could be read"):
        train_epoch(model, [empty], optimizer, schedule, device="cpu", clip_norm=1.0)


class Brightness(torch.nn.Module):
    def forward(self, clips):
        return torch.nn.functional.pad(clips.mean(dim=(1, 2, 3, 4))[:, None], (0, 9))


def test_an_evaluation_can_be_told_to_stop(damaged):
    videos = select(read_manifest(damaged), "val")
    assert len(evaluate(Brightness(), videos, TINY, EvalConfig(), reader=READER).skipped) == 1
    with pytest.raises(VideoError, match=r"val.mp4: not a video"):
        evaluate(Brightness(), videos, TINY, EvalConfig(bad_videos="error"), reader=READER)


def test_lists_of_skipped_videos_are_kept_by_split_and_removed_when_empty(tmp_path):
    table = pd.DataFrame({"path": ["a,b.mp4"], "label": ["NA"], "reason": ["gone"]}, index=pd.Index([4], name="row"))
    assert write_skipped(tmp_path, "val", table)
    pd.testing.assert_frame_equal(read_skipped(tmp_path, "val"), table)
    assert not len(read_skipped(tmp_path, "train"))
    assert not write_skipped(tmp_path, "val", table.iloc[:0])
    assert not list(tmp_path.iterdir())


def test_every_frame_of_all_views_is_read_once(synthetic):
    asked = []

    def read(path, indices):
        asked.append(indices)
        return READER.read_frames(path, indices)

    manifest = select(read_manifest(synthetic), "test")
    config = DataConfig(sampling="dense", num_frames=4, frame_interval=4, short_side=18, crop_size=16)
    views = VideoViews(manifest, config, READER._replace(read_frames=read), num_clips=5, num_crops=3)[0].clips
    (numbers,) = asked
    assert (np.diff(numbers) > 0).all()
    assert views.shape == (15, 3, 4, 16, 16)
    single = VideoViews(manifest, config, READER, num_clips=5)
    assert torch.equal(single[0].clips, views[1::3])  # frames are square: all three crops are the middle one
