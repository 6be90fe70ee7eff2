"""A video that cannot be read stops a training or is left out of it; no other takes its place."""

import pandas as pd
import pytest
import torch

from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import TrainingClips
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.loading import training_batches
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.models.config import build_model
from dnrlab.recipes.config import TrainConfig
from dnrlab.recipes.named import demo, override
from dnrlab.training.bad_videos import readable
from dnrlab.training.loop import NetworkLoss, train_steps
from dnrlab.training.train import train
from tests.helpers.trainings import interrupt

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)


def recipe(**changes):
    small = {"epochs": 2, "batch_size": 4, "crop_size": 16, "short_side": 18, "num_frames": 4, "validate_every": 1}
    return override(demo(), **{"dropout": 0.5, "warmup_iterations": 0, "bad_videos": "skip"} | small | changes)


@pytest.fixture(scope="module")
def spoiled(synthetic, tmp_path_factory):
    """A manifest of which two training videos and one validation video are bad."""
    folder = tmp_path_factory.mktemp("spoiled")
    rows = read_manifest(synthetic).rows
    for place, name in ((3, "gone.mp4"), (11, "text.mp4")):
        rows.loc[rows.index[rows["split"] == "train"][place], "path"] = str(folder / name)
    rows.loc[rows.index[rows["split"] == "val"][0], "path"] = str(folder / "lost.mp4")
    (folder / "text.mp4").write_text("no video")
    rows.to_csv(folder / "videos.csv", index=False)
    return folder / "videos.csv"


@pytest.fixture(scope="module")
def trained(spoiled, tmp_path_factory):
    """A run without the bad videos, and its history."""
    run = tmp_path_factory.mktemp("runs") / "trained"
    return run, train(recipe(), read_manifest(spoiled), run)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_training_names_a_bad_video_without_a_workers_traceback(spoiled, num_workers):
    manifest = select(read_manifest(spoiled), "train")
    batches = training_batches(TrainingClips(manifest, TINY, READER, 0), 4, range(1), num_workers)
    with pytest.raises(VideoError) as caught:
        list(readable(batches, manifest, "error", {}))
    message = str(caught.value)
    assert message.startswith(f"{spoiled.parent}")
    assert "'dnrlab manifest check' lists all such videos; bad_videos=skip" in message
    assert "Traceback" not in message


def test_the_other_clips_are_the_same_with_and_without_a_bad_one(synthetic, spoiled):
    sets = [TrainingClips(select(read_manifest(file), "train"), TINY, READER, 0) for file in (synthetic, spoiled)]
    whole, rest = (next(training_batches(each, 20, range(1), 0)) for each in sets)
    assert {each.row for each in rest.unreadable} == {3, 11}
    kept = [any(torch.equal(clip, other) for other in rest.clips) for clip in whole.clips]
    assert kept.count(False) == 2
    assert torch.equal(whole.clips[torch.tensor(kept)], rest.clips)
    assert torch.equal(whole.labels[torch.tensor(kept)], rest.labels)


def test_skipped_videos_are_counted_and_listed_once(trained):
    run, history = trained
    assert list(history["clips"]) == [18, 18]
    assert list(history["skipped"]) == [2, 2]
    assert list(pd.read_csv(run / "history.csv")["skipped"]) == [2, 2]
    skipped = pd.read_csv(run / "skipped_in_training.csv")
    assert list(skipped.columns) == ["path", "label", "split", "reason"]
    assert list(skipped["split"]) == ["train", "train", "val"]
    assert [path.rsplit("/", 1)[-1] for path in skipped["path"]] == ["gone.mp4", "text.mp4", "lost.mp4"]
    assert skipped["reason"].str.match("no such file|not a video").all()
    log = (run / "log.txt").read_text()
    assert log.count("left out of the training") == 2
    assert "trained on 18 of 20 videos; " in log
    assert "validated on 9 of 10 videos" in log
    assert log.count("18 of 20 clips") == 2


def test_a_run_that_a_bad_video_stopped_goes_on_without_it(synthetic, tmp_path, monkeypatch):
    manifest = read_manifest(synthetic)
    bad, reads = select(manifest, "train").rows["path"][3], []

    def spoiled_after_an_epoch(path, numbers):
        reads.append(path)
        if path == bad and len(reads) > 20:
            raise VideoError(path, "spoiled")
        return READER.read_frames(path, numbers)

    reader = READER._replace(read_frames=spoiled_after_an_epoch)
    monkeypatch.setattr("dnrlab.training.train.reader_for", lambda *_, **__: reader)
    with pytest.raises(VideoError, match="spoiled"):
        train(recipe(bad_videos="error"), manifest, tmp_path)
    history = train(recipe(bad_videos="skip"), manifest, tmp_path)
    assert list(history["skipped"]) == [0, 1]
    assert list(pd.read_csv(tmp_path / "skipped_in_training.csv")["path"]) == [bad]


def test_the_list_goes_on_when_a_run_resumes(spoiled, trained, tmp_path, monkeypatch):
    interrupt(monkeypatch, call=2)
    with pytest.raises(KeyboardInterrupt):
        train(recipe(), read_manifest(spoiled), tmp_path)
    resumed = train(recipe(), read_manifest(spoiled), tmp_path)
    assert list(resumed["loss"]) == list(trained[1]["loss"])
    lists = [(folder / "skipped_in_training.csv").read_text() for folder in (tmp_path, trained[0])]
    assert lists[0] == lists[1]


def test_a_batch_of_bad_videos_alone_is_no_step_but_the_schedule_moves_on():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    batch = torch.ones(2, 3, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1])
    empty = torch.empty(0, dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
    result = train_steps(NetworkLoss(model), [batch, empty, batch], optimizer, schedule, device="cpu", clip_norm=1.0)
    assert result.clips == 4
    assert schedule.last_epoch == 3
    assert train_steps(NetworkLoss(model), [empty], optimizer, schedule, device="cpu", clip_norm=1.0).steps == 0


def test_an_epoch_without_any_clip_stops_the_run(synthetic, tmp_path):
    rows = read_manifest(synthetic).rows
    rows["path"] = [f"{number}.mp4" for number in range(len(rows))]
    rows.to_csv(tmp_path / "gone.csv", index=False)
    with pytest.raises(ValueError, match="clips to train on, got none; 'dnrlab manifest check'"):
        train(recipe(), read_manifest(tmp_path / "gone.csv"), tmp_path / "run")


def test_validation_and_evaluation_stop_at_a_bad_video_where_that_is_wanted(synthetic, spoiled, tmp_path):
    good = read_manifest(synthetic).rows.query("split == 'train'")
    pd.concat([good, read_manifest(spoiled).rows.query("split == 'val'")]).to_csv(tmp_path / "mixed.csv", index=False)
    manifest = read_manifest(tmp_path / "mixed.csv")
    with pytest.raises(VideoError, match=r"lost.mp4: no such file"):
        train(recipe(bad_videos="error", epochs=1), manifest, tmp_path / "run")
    videos, network = select(manifest, "val"), build_model(recipe().model, num_classes=10, num_frames=4)
    assert len(evaluate(network, videos, TINY, EvalConfig(), reader=READER).skipped) == 1
    with pytest.raises(VideoError, match=r"lost.mp4: no such file.*manifest check"):
        evaluate(network, videos, TINY, EvalConfig(bad_videos="error"), reader=READER)


@pytest.mark.parametrize("config", [TrainConfig, EvalConfig])
def test_another_word_for_bad_videos_is_refused(config):
    with pytest.raises(ValueError, match=r"bad_videos in \('error', 'skip'\), got 'replace'"):
        config(bad_videos="replace")
