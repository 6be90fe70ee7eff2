"""Training: schedule, loop, determinism, resuming, and what a run folder holds."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from dnrlab import DNRConfig
from dnrlab.data.dataset import DataConfig, TrainingClips
from dnrlab.data.decode import READER, VideoError
from dnrlab.data.manifest import read_manifest, select
from dnrlab.files import whole_file
from dnrlab.runs import build_model, load_run
from dnrlab.training.config import TrainConfig, recipe_from_dict, recipe_to_dict
from dnrlab.training.loop import train_steps
from dnrlab.training.recipes import RECIPES, demo, override, recipe_by_name
from dnrlab.training.run import train
from dnrlab.training.schedule import learning_rate_factor, make_schedule
from dnrlab.training.transfer import transfer_weights


def tiny(**changes):
    settings = {"epochs": 3, "batch_size": 8, "crop_size": 16, "short_side": 18, "num_frames": 4, "validate_every": 2}
    return override(
        demo(), **{"dnr": DNRConfig(relay_distance=2), "dropout": 0.5, "warmup_iterations": 2} | settings | changes
    )


def weights(run_dir):
    return load_run(run_dir).model.state_dict()


def same(ours, theirs):
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture(scope="module")
def finished(synthetic, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    history = train(tiny(), read_manifest(synthetic), run_dir, progress=False)
    return run_dir, history


def test_cosine_and_steps_and_warm_up_on_worked_examples():
    assert learning_rate_factor(0, 100) == 1
    assert learning_rate_factor(50, 100) == pytest.approx(0.5)
    assert learning_rate_factor(100, 100) == pytest.approx(0)
    steps = {"schedule": "steps", "milestones": [20, 40]}
    assert [learning_rate_factor(step, 50, **steps) for step in (19, 20, 40)] == pytest.approx([1, 0.1, 0.01])
    warm = {**steps, "warmup": 10, "warmup_factor": 0.1}
    assert [learning_rate_factor(step, 50, **warm) for step in (0, 5, 10)] == pytest.approx([0.1, 0.55, 1])


def test_the_schedule_moves_with_every_iteration():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = make_schedule(optimizer, TrainConfig(epochs=2, schedule="steps", lr_steps=(1,)), steps_per_epoch=3)
    rates = []
    for _ in range(6):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.5] * 3 + [0.05] * 3)


def test_one_step_is_plain_sgd_with_momentum_decay_and_clipping():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)).double()
    start = [p.detach().clone() for p in model.parameters()]
    clips, labels = torch.rand(4, 3, 1, 2, 2, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    result = train_steps(model, [(clips, labels)], optimizer, schedule, device="cpu", clip_norm=0.05)

    parameters = [p.clone().requires_grad_() for p in start]
    from dnrlab.data.transforms import normalize

    loss = torch.nn.functional.cross_entropy(
        torch.nn.functional.linear(normalize(clips).flatten(1), *parameters), labels
    )
    gradients = torch.autograd.grad(loss, parameters)
    norm = torch.sqrt(sum((g**2).sum() for g in gradients))
    assert norm > 0.05
    for ours, before, gradient in zip(model.parameters(), start, gradients, strict=True):
        torch.testing.assert_close(
            ours, before - 0.1 * (gradient * 0.05 / norm + 0.01 * before), rtol=1e-5, atol=1e-8
        )  # torch adds 1e-6 to the norm
    assert result.means()["loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert result.grad_norm == pytest.approx(norm.item(), rel=1e-4)
    assert result.clips == 4


def test_a_loss_that_is_no_number_stops_the_run():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    bad = torch.full((2, 3, 1, 1, 1), float("nan"))
    with pytest.raises(FloatingPointError, match=r"not finite at step 0 \(learning rate 0.1\); lower lr"):
        train_steps(model, [(bad, torch.tensor([0, 1]))], optimizer, schedule, device="cpu", clip_norm=1.0)


class Root(torch.autograd.Function):
    """The identity, with the gradient of a square root at zero."""

    @staticmethod
    def forward(context, values):
        return values.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient * torch.inf


def test_a_gradient_that_is_no_number_stops_the_run_before_it_is_kept():
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(3, 2)

        def forward(self, clips):
            return Root.apply(self.fc(clips.flatten(1)))

    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    batch = torch.rand(2, 3, 1, 1, 1), torch.tensor([0, 1])
    with pytest.raises(FloatingPointError, match=r"its gradient is not finite at step 0 \(learning rate 0.1\)"):
        train_steps(model, [batch], optimizer, schedule, device="cpu", clip_norm=1.0)


def test_a_run_folder_holds_what_it_should(finished):
    run_dir, history = finished
    assert {path.name for path in run_dir.iterdir()} == {
        "config.json",
        "history.csv",
        "checkpoint.pt",
        "best.safetensors",
        "log.txt",
        "tensorboard",
    }
    assert list(history["epoch"]) == [0, 1, 2]
    assert history["val_top1"].notna().tolist() == [False, True, True]
    pd.testing.assert_frame_equal(pd.read_csv(run_dir / "history.csv"), history, check_dtype=False)
    state = torch.load(run_dir / "checkpoint.pt", weights_only=True)
    assert set(state) == {"model", "optimizer", "schedule", "step", "so_far", "rng", "config", "classes"}
    assert state["step"] == 6
    assert json.loads((run_dir / "config.json").read_text())["versions"]["torch"] == torch.__version__


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(finished, synthetic, tmp_path):
    run_dir, history = finished
    again = train(tiny(), read_manifest(synthetic), tmp_path / "again", progress=False, num_workers=2)
    assert list(again["loss"]) == list(history["loss"])
    assert same(weights(tmp_path / "again"), weights(run_dir))
    other = train(tiny(seed=1), read_manifest(synthetic), tmp_path / "other", progress=False)
    assert list(other["loss"]) != list(history["loss"])


def test_a_stopped_run_goes_on_to_the_same_weights(finished, synthetic, tmp_path, monkeypatch):
    run_dir, history = finished
    calls = []

    def stops_in_the_second_epoch(*arguments, **settings):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train_steps(*arguments, **settings)

    monkeypatch.setattr("dnrlab.training.epoch.train_steps", stops_in_the_second_epoch)
    manifest, stopped = read_manifest(synthetic), tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), manifest, stopped, progress=False)
    assert len(pd.read_csv(stopped / "history.csv")) == 1
    torch.manual_seed(123)  # whatever state the new process is in
    resumed = train(tiny(), manifest, stopped, progress=False)
    assert list(resumed["loss"]) == list(history["loss"])
    assert same(weights(stopped), weights(run_dir))
    assert "resumed at step 2 of 6" in (stopped / "log.txt").read_text()


def test_a_finished_run_is_left_as_it_is(finished, synthetic):
    run_dir, history = finished
    before = weights(run_dir)
    pd.testing.assert_frame_equal(train(tiny(), read_manifest(synthetic), run_dir, progress=False), history)
    assert same(weights(run_dir), before)


def test_a_full_disk_is_named_and_the_last_good_file_stays(tmp_path):
    file = tmp_path / "checkpoint.pt"
    with whole_file(file) as unfinished:
        unfinished.write_text("good")

    def write_half():
        with whole_file(file) as unfinished:
            unfinished.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left.*the one before it is kept; free space"):
        write_half()
    assert file.read_text() == "good"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_stops_a_checkpoint_with_a_sentence(tmp_path):
    (tmp_path / "checkpoint.unfinished.pt").symlink_to("/dev/full")  # what is written there has no space

    def write():
        with whole_file(tmp_path / "checkpoint.pt") as unfinished:
            torch.save({"weights": torch.zeros(100_000)}, unfinished)

    with pytest.raises(OSError, match=r"checkpoint.pt could not be written .*; free space"):
        write()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written_is_named(synthetic, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OSError, match=r"closed.*give a folder that may be written"):
        train(tiny(), read_manifest(synthetic), tmp_path / "closed" / "run", progress=False)


def test_weights_of_another_network_are_refused_with_their_names(finished, tmp_path):
    run_dir, _ = finished
    config = json.loads((run_dir / "config.json").read_text())
    config["model"]["width"] = 16
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "best.safetensors").write_bytes((run_dir / "best.safetensors").read_bytes())
    with pytest.raises(
        ValueError, match=r"network of config.json \(tsn_resnet18\): \d+ of \d+ tensors do not fit.*\n  conv1.weight"
    ):
        load_run(tmp_path)


def test_a_folder_of_another_run_is_refused_with_what_differs(finished, synthetic):
    run_dir, _ = finished
    with pytest.raises(ValueError, match=r"another configuration:\n  training.lr: 0.1 -> 0.2\n"):
        train(tiny(lr=0.2), read_manifest(synthetic), run_dir, progress=False)


def test_weights_of_another_run_are_not_lost_for_want_of_its_checkpoint(finished, synthetic, tmp_path):
    copy = shutil.copytree(finished[0], tmp_path / "copy")
    (copy / "checkpoint.pt").unlink()
    best = (copy / "best.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"config.json was written with another configuration:\n  training.lr: 0.1 ->"):
        train(tiny(lr=0.2), read_manifest(synthetic), copy, progress=False)
    assert (copy / "best.safetensors").read_bytes() == best


def test_a_run_from_before_a_setting_existed_opens_and_resumes(finished, synthetic, tmp_path):
    run_dir, history = finished
    old = shutil.copytree(run_dir, tmp_path / "old")
    state, config = torch.load(old / "checkpoint.pt", weights_only=True), json.loads((old / "config.json").read_text())
    del state["config"]["model"]["norm"], config["model"]["norm"], state["config"]["training_rows"]
    torch.save(state, old / "checkpoint.pt")
    (old / "config.json").write_text(json.dumps(config))
    assert load_run(old).recipe == tiny()
    pd.testing.assert_frame_equal(train(tiny(), read_manifest(synthetic), old, progress=False), history)


def test_a_changed_manifest_is_refused_rather_than_miscounted(finished, synthetic, tmp_path):
    run_dir, _ = finished
    read_manifest(synthetic).rows.iloc[1:].to_csv(tmp_path / "fewer.csv", index=False)
    with pytest.raises(ValueError, match=r"training_videos: 20 -> 19"):
        train(tiny(), read_manifest(tmp_path / "fewer.csv"), run_dir, progress=False)


def test_as_many_other_videos_are_refused_and_the_same_elsewhere_are_not(finished, synthetic, tmp_path):
    run_dir, history = finished
    rows = read_manifest(synthetic).rows
    moved = rows.assign(path=[str(tmp_path / Path(path).relative_to(synthetic.parent)) for path in rows["path"]])
    moved.to_csv(tmp_path / "moved.csv", index=False)
    again = train(tiny(), read_manifest(tmp_path / "moved.csv"), run_dir, progress=False)
    pd.testing.assert_frame_equal(again, history)
    other = rows.assign(split=rows["split"].map({"train": "test", "test": "train", "val": "train"}))
    other.to_csv(tmp_path / "other.csv", index=False)
    assert (other["split"] == "train").sum() == (rows["split"] == "train").sum()
    with pytest.raises(ValueError, match=r"another configuration:\n  training_rows: '\w+' -> '\w+'\n"):
        train(tiny(), read_manifest(tmp_path / "other.csv"), run_dir, progress=False)


def test_ten_steps_lower_the_loss(synthetic):
    recipe = tiny(dropout=0.0, lr=0.05)
    torch.manual_seed(0)
    model = build_model(recipe.model, num_classes=10, num_frames=4)
    dataset = TrainingClips(select(read_manifest(synthetic), "train"), recipe.data, READER, 0)
    batch = torch.utils.data.default_collate([dataset[0, row] for row in range(8)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    losses = [
        train_steps(model, [batch], optimizer, schedule, device="cpu", clip_norm=20.0).means()["loss"]
        for _ in range(10)
    ]
    assert losses[-1] < 0.5 * losses[0]


def test_training_stops_at_a_bad_video_and_names_it(synthetic, tmp_path):
    rows = read_manifest(synthetic).rows
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    rows.loc[rows["split"] == "train", "path"] = str(tmp_path / "bad.mp4")
    rows.drop_duplicates("path").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(VideoError, match=r"bad.mp4: not a video"):
        train(tiny(), read_manifest(tmp_path / "bad.csv"), tmp_path / "run", progress=False)


def test_a_run_can_start_from_another_but_for_its_classifier(finished):
    run_dir, _ = finished
    theirs, model = weights(run_dir), build_model(tiny().model, num_classes=7, num_frames=4)
    classifier = model.fc.weight.clone()
    transfer_weights(model, run_dir)
    ours = model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs if not name.startswith("fc."))
    assert torch.equal(ours["fc.weight"], classifier)
    with pytest.raises(ValueError, match=r"(?s)another network.*bn1.weight: expected \(16,\), got \(8,\)"):
        transfer_weights(build_model(tiny(width=16).model, num_classes=10, num_frames=4), run_dir)
    with pytest.raises(FileNotFoundError, match="train that run first"):
        transfer_weights(model, "none")


def test_a_run_that_started_from_another_can_resume_without_it(finished, synthetic, tmp_path):
    run_dir, _ = finished
    shutil.copytree(run_dir, tmp_path / "first")
    settings = {"initial_weights": str(tmp_path / "first"), "epochs": 1, "lr": 1e-9, "warmup_iterations": 0}
    history = train(tiny(**settings), read_manifest(synthetic), tmp_path / "tuned", progress=False)
    name = "layer1.0.conv1.weight"
    torch.testing.assert_close(weights(tmp_path / "tuned")[name], weights(run_dir)[name])
    shutil.rmtree(tmp_path / "first")
    again = train(tiny(**settings), read_manifest(synthetic), tmp_path / "tuned", progress=False)
    pd.testing.assert_frame_equal(again, history)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name):
    recipe = replace(recipe_by_name(name), model=replace(recipe_by_name(name).model, dnr=DNRConfig(relay_distance=2)))
    assert recipe_from_dict(json.loads(json.dumps(recipe_to_dict(recipe)))) == recipe


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"lr in \(0, 10\].*got -1"):
        TrainConfig(lr=-1)
    with pytest.raises(ValueError, match=r"got crop_size 64 and short_side 32"):
        DataConfig(short_side=32, crop_size=64)
    with pytest.raises(ValueError, match=r"got 'kinetics'; known: demo"):
        recipe_by_name("kinetics")
    with pytest.raises(ValueError, match=r"fields of a recipe, got epoch"):
        override(demo(), epoch=3)


def test_a_loss_that_is_no_number_tells_the_last_good_checkpoint(synthetic, tmp_path, monkeypatch):
    manifest, recipe = read_manifest(synthetic), tiny(checkpoint_every=1)

    def diverges(model, batches, optimizer, schedule, **settings):
        if schedule.last_epoch == 3:
            model.fc.weight.data.fill_(float("inf"))
        return train_steps(model, batches, optimizer, schedule, **settings)

    monkeypatch.setattr("dnrlab.training.epoch.train_steps", diverges)
    with pytest.raises(
        FloatingPointError, match=r"not finite at step 3 \(learning rate 0.\d+\).*of step 3, .*checkpoint"
    ):
        train(recipe, manifest, tmp_path / "run", progress=False)
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    assert all(value.isfinite().all() for value in state["model"].values())
    assert len(pd.read_csv(tmp_path / "run" / "history.csv")) == 1


def test_a_checkpoint_within_an_epoch_holds_what_the_epoch_gave_so_far(finished, synthetic, tmp_path, monkeypatch):
    run_dir, history = finished
    calls = []

    def stops(*arguments, **settings):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train_steps(*arguments, **settings)

    monkeypatch.setattr("dnrlab.training.epoch.train_steps", stops)
    recipe, manifest = tiny(checkpoint_every=1), read_manifest(synthetic)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, manifest, tmp_path, progress=False)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (state["step"], state["so_far"]["clips"], state["so_far"]["steps"]) == (3, 8, 1)
    resumed = train(tiny(checkpoint_every=5), manifest, tmp_path, progress=False)  # it may differ
    same_columns = ["epoch", "lr", "loss", "top1", "clips", "skipped", "val_top1"]
    pd.testing.assert_frame_equal(resumed[same_columns], history[same_columns], check_exact=False, rtol=1e-6)
    assert same(weights(tmp_path), weights(run_dir))
    assert "resumed at step 3 of 6" in (tmp_path / "log.txt").read_text()


@pytest.mark.needs_cuda
def test_a_gpu_trains_resumes_within_an_epoch_and_evaluates(synthetic, tmp_path, monkeypatch):
    manifest, recipe = read_manifest(synthetic), tiny(checkpoint_every=1)
    whole = train(recipe, manifest, tmp_path / "whole", progress=False, device="cuda")
    calls = []

    def stops(*arguments, **settings):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return train_steps(*arguments, **settings)

    monkeypatch.setattr("dnrlab.training.epoch.train_steps", stops)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, manifest, tmp_path / "stopped", progress=False, device="cuda")
    resumed = train(recipe, manifest, tmp_path / "stopped", progress=False, device="cuda")
    assert "resumed at step 3 of 6" in (tmp_path / "stopped" / "log.txt").read_text()
    assert list(resumed["loss"]) == pytest.approx(list(whole["loss"]), rel=0.1)  # its kernels need not repeat bits
    assert torch.load(tmp_path / "stopped" / "checkpoint.pt", weights_only=True)["rng"]["cuda"].numel()
