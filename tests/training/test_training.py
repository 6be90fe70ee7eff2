"""Training: schedule, loop, determinism, resuming, and what a run folder holds."""

import json
import os
from dataclasses import replace

import pandas as pd
import pytest
import torch

from dnrlab import DNRConfig
from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import TrainingClips
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import read_manifest, select
from dnrlab.device import Runtime
from dnrlab.models.config import build_model
from dnrlab.recipes.config import TrainConfig, recipe_from_dict, recipe_to_dict
from dnrlab.recipes.named import RECIPES, demo, override, recipe_by_name
from dnrlab.runs.load import load_run
from dnrlab.training.initial_weights import transfer_weights
from dnrlab.training.loop import NetworkLoss, train_steps
from dnrlab.training.schedule import learning_rate_factor, make_schedule
from dnrlab.training.train import train
from tests.helpers.trainings import same, tiny, weights


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
    result = train_steps(NetworkLoss(model), [(clips, labels)], optimizer, schedule, device="cpu", clip_norm=0.05)

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
        train_steps(NetworkLoss(model), [(bad, torch.tensor([0, 1]))], optimizer, schedule, device="cpu", clip_norm=1.0)


class Root(torch.autograd.Function):
    """The identity, with the gradient of a square root at zero."""

    @staticmethod
    def forward(context, values):
        return values.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient * torch.inf


def test_a_gradient_that_is_not_finite_stops_the_run_before_it_is_saved():
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
        train_steps(NetworkLoss(model), [batch], optimizer, schedule, device="cpu", clip_norm=1.0)


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
    again = train(tiny(), read_manifest(synthetic), tmp_path / "again", Runtime(num_workers=2))
    assert list(again["loss"]) == list(history["loss"])
    assert same(weights(tmp_path / "again"), weights(run_dir))
    other = train(tiny(seed=1), read_manifest(synthetic), tmp_path / "other")
    assert list(other["loss"]) != list(history["loss"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written_is_named(synthetic, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OSError, match=r"closed.*give a folder that may be written"):
        train(tiny(), read_manifest(synthetic), tmp_path / "closed" / "run")


def test_weights_of_another_network_are_refused_with_their_names(finished, tmp_path):
    run_dir, _ = finished
    config = json.loads((run_dir / "config.json").read_text())
    config["model"]["width"] = 16
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "best.safetensors").write_bytes((run_dir / "best.safetensors").read_bytes())
    with pytest.raises(
        ValueError,
        match=r"network of config.json \(tsn_resnet18\), got others; .* got \d+ of \d+ .*\n  conv1.weight",
    ):
        load_run(tmp_path)


def test_ten_steps_lower_the_loss(synthetic):
    recipe = tiny(dropout=0.0, lr=0.05)
    torch.manual_seed(0)
    model = build_model(recipe.model, num_classes=10, num_frames=4)
    dataset = TrainingClips(select(read_manifest(synthetic), "train"), recipe.data, READER, 0)
    batch = torch.utils.data.default_collate([dataset[0, row] for row in range(8)])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    losses = [
        train_steps(NetworkLoss(model), [batch], optimizer, schedule, device="cpu", clip_norm=20.0).means()["loss"]
        for _ in range(10)
    ]
    assert losses[-1] < 0.5 * losses[0]


def test_training_stops_at_a_bad_video_and_names_it(synthetic, tmp_path):
    rows = read_manifest(synthetic).rows
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    rows.loc[rows["split"] == "train", "path"] = str(tmp_path / "bad.mp4")
    rows.drop_duplicates("path").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(VideoError, match=r"bad.mp4: not a video"):
        train(tiny(), read_manifest(tmp_path / "bad.csv"), tmp_path / "run")


def test_a_run_can_start_from_another_but_for_its_classifier(finished):
    run_dir, _ = finished
    theirs, model = weights(run_dir), build_model(tiny().model, num_classes=7, num_frames=4)
    classifier = model.fc.weight.clone()
    transfer_weights(model, run_dir)
    ours = model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs if not name.startswith("fc."))
    assert torch.equal(ours["fc.weight"], classifier)
    with pytest.raises(ValueError, match=r"(?s)does not fit this network.*bn1.weight: expected \(16,\), got \(8,\)"):
        transfer_weights(build_model(tiny(width=16).model, num_classes=10, num_frames=4), run_dir)
    with pytest.raises(FileNotFoundError, match="train that run first"):
        transfer_weights(model, "none")


def test_a_run_can_start_from_a_file_and_says_so_in_its_log(synthetic, tmp_path):
    plain = build_model(tiny(dnr=None).model, num_classes=10, num_frames=4)
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in plain.state_dict().items()}}, tmp_path / "a.pth"
    )
    recipe = tiny(initial_weights=str(tmp_path / "a.pth"), epochs=1, lr=1e-9, warmup_iterations=0)
    train(recipe, read_manifest(synthetic), tmp_path / "run")
    line = f"initial weights {tmp_path / 'a.pth'}: "
    assert line in (tmp_path / "run" / "log.txt").read_text()
    torch.testing.assert_close(weights(tmp_path / "run")["fc.weight"], plain.fc.weight.detach())
    with pytest.raises(FileNotFoundError, match="'imagenet', a run folder or a file of weights, got 'nowhere'"):
        train(tiny(initial_weights="nowhere"), read_manifest(synthetic), tmp_path / "other")
    assert not (tmp_path / "other" / "config.json").exists()


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name):
    recipe = replace(recipe_by_name(name), model=replace(recipe_by_name(name).model, dnr=DNRConfig(relay_distance=2)))
    assert recipe_from_dict(json.loads(json.dumps(recipe_to_dict(recipe)))) == recipe


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"lr in \(0, 10\].*got -1"):
        TrainConfig(lr=-1)
    with pytest.raises(ValueError, match=r"got crop_size 64 and short_side 32"):
        DataConfig(short_side=32, crop_size=64)
    with pytest.raises(ValueError, match=r"got 'kinetics'; choose one of demo"):
        recipe_by_name("kinetics")
    with pytest.raises(ValueError, match=r"fields of a recipe, got epoch"):
        override(demo(), epoch=3)


def test_mirrored_clips_that_keep_their_label_are_a_warning(synthetic, tmp_path, caplog):
    rows = pd.read_csv(synthetic)
    rows["path"] = [str(synthetic.parent / path) for path in rows["path"]]
    rows["label"] = rows["label"].replace({"left": "to_the_left", "right": "rightwards"})
    rows.to_csv(tmp_path / "videos.csv", index=False)
    (tmp_path / "card.json").write_text('{"flip": "label_aware"}')
    train(tiny(epochs=1), read_manifest(tmp_path / "videos.csv"), tmp_path / "run")
    assert "no label has its mirror image among the classes, such as" in caplog.text
