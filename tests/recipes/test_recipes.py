"""Recipes, row by row of the protocols; which parameters learn and decay how; weights of ImageNet."""

import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.models.checkpoints.load import load_converted
from dnrlab.recipes.config import TrainConfig
from dnrlab.recipes.named import RECIPES, override, recipe_by_name, recipe_help
from dnrlab.torchvision_guard import guard_torchvision
from dnrlab.training.initial_weights import imagenet_weights, load_initial_weights
from dnrlab.training.optimizer import parameter_groups
from dnrlab.training.schedule import make_schedule

ROWS = {  # lr, decay, clip, schedule, its epochs, epochs, dropout, batch, sampling, positions, rules
    "kinetics200": (0.1, 1e-4, 40, "cosine", (), 120, 0.4, 64, "dense", 5, "uniform"),
    "kinetics400": (0.1, 1e-4, 40, "cosine", (), 196, 0.4, 64, "dense", 5, "uniform"),
    "something": (0.005, 5e-4, 20, "steps", (20, 40), 50, 0.5, 64, "segments", 5, "uniform"),
    "tsm_kinetics400": (0.02, 1e-4, 20, "steps", (25, 45), 50, 0.5, 128, "segments", 13, "tsm"),
    "tanet_kinetics400": (0.01, 1e-4, 20, "steps", (50, 75, 90), 100, 0.5, 64, "window", 13, "tsm"),
    "tdn_kinetics400": (0.02, 1e-4, 20, "steps", (50, 75, 90), 100, 0.5, 128, "segments", 13, "tdn"),
}


@pytest.mark.parametrize("name", ROWS)
def test_recipes_are_those_of_the_protocols(name):
    recipe = recipe_by_name(name)
    training, data = recipe.training, recipe.data
    found = (training.lr, training.weight_decay, training.clip_norm, training.schedule, training.lr_steps)
    found += (training.epochs, recipe.model.dropout, training.batch_size, data.sampling, data.crop_positions)
    assert (*found, training.parameter_rules) == ROWS[name]
    assert training.momentum == 0.9
    assert training.lr_batch == training.batch_size
    assert training.initial_weights == ("imagenet" if name.startswith("t") else "")
    assert (data.num_frames, data.frame_interval, data.short_side, data.crop_size) == (8, 8, 256, 224)


def test_every_recipe_is_listed_with_what_it_is_for():
    assert set(RECIPES) == {"demo", *ROWS}
    assert "tsm_kinetics400: TSM-ResNet-50 on Kinetics-400 from ImageNet" in recipe_help().splitlines()[4]


def test_the_warm_up_of_tsm_takes_five_epochs_from_a_tenth():
    config = recipe_by_name("tsm_kinetics400").training
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=config.peak_lr)
    schedule = make_schedule(optimizer, config, steps_per_epoch=10)
    rates = [schedule.lr_lambdas[0](step) * config.lr for step in (0, 25, 50, 249, 250, 450)]
    assert rates == pytest.approx([0.002, 0.011, 0.02, 0.02, 0.002, 0.0002])


def test_a_learning_rate_scales_with_the_batch_only_when_asked():
    recipe = recipe_by_name("kinetics400")
    assert override(recipe, batch_size=16).training.peak_lr == 0.1
    assert override(recipe, batch_size=16, scale_lr=True).training.peak_lr == pytest.approx(0.025)
    with pytest.raises(ValueError, match="expected lr_batch"):
        TrainConfig(scale_lr=True)
    with pytest.raises(ValueError, match="expected warmup_iterations 0 with warmup_epochs 5, got 3"):
        TrainConfig(warmup_epochs=5, warmup_iterations=3)
    with pytest.raises(ValueError, match=r"expected parameter_rules in .*got 'tsn'"):
        TrainConfig(parameter_rules="tsn")


def paces_of(model, rules):
    """Factors of lr and decay by parameter name, read back from the groups."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, lr=0.5, weight_decay=0.25, rules=rules)
    members = [names[id(each)] for group in groups for each in group["params"]]
    assert sorted(members) == sorted(names.values())
    return {names[id(p)]: (g["lr"] / 0.5, g["weight_decay"] / 0.25) for g in groups for p in g["params"]}


def test_parameters_learn_and_decay_by_the_rules_of_tsm():
    tsm = paces_of(create_model("tsm_resnet18", num_classes=3, width=8, dnr=DNRConfig()), "tsm")
    assert tsm["conv1.weight"] == (1, 1)
    assert tsm["bn1.weight"] == tsm["bn1.bias"] == tsm["layer1.0.bn2.bias"] == (1, 0)
    assert (tsm["fc.weight"], tsm["fc.bias"]) == ((5, 1), (10, 0))
    assert tsm["layer1.lstm.input_gates.0.weight"] == (1, 1)
    assert tsm["layer1.0.bn1.lstm.hidden_gates.2.bias"] == (1, 0)
    tanet = paces_of(create_model("tanet_resnet18", num_classes=3, width=8), "tsm")
    assert tanet["layer1.0.inside.kernel.0.weight"] == (1, 1)
    assert tanet["layer1.0.inside.kernel.1.weight"] == (1, 0)


def test_parameters_of_tdn_keep_the_classifier_at_the_common_pace():
    tdn = paces_of(create_model("tdn_resnet18", num_classes=3, width=16), "tdn")
    assert (tdn["fc.weight"], tdn["fc.bias"]) == ((1, 1), (2, 0))
    assert (tdn["conv1.weight"], tdn["conv1.bias"]) == ((1, 1), (2, 0))
    assert tdn["layer2.0.inside.excitation.squeeze.1.bias"] == (1, 0)


def test_uniform_rules_are_one_group_of_everything():
    assert set(paces_of(create_model("tsm_resnet18", num_classes=3, width=8), "uniform").values()) == {(1, 1)}


@pytest.fixture(scope="module")
def cached_resnet(tmp_path_factory):
    """A torch folder that holds ResNet-18 weights under the name that torchvision downloads."""
    home = tmp_path_factory.mktemp("torch")
    guard_torchvision()
    from torchvision.models import resnet18

    torch.manual_seed(3)
    model = resnet18()
    (home / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(model.state_dict(), home / "hub" / "checkpoints" / "resnet18-f37072fd.pth")
    return home, model.state_dict()


@pytest.mark.parametrize(("family", "dnr"), [("tsn", True), ("tsm", False), ("tanet", True), ("tdn", False)])
def test_imagenet_weights_fill_what_images_have(family, dnr, cached_resnet, monkeypatch):
    home, theirs = cached_resnet
    monkeypatch.setenv("TORCH_HOME", str(home))
    model = create_model(f"{family}_resnet18", num_classes=3, dnr=DNRConfig() if dnr else None)
    classifier = model.fc.weight.clone()
    loaded = load_initial_weights(model, "imagenet", f"{family}_resnet18")
    random = [name for name, _ in model.named_parameters() if name in loaded.anew]
    ours = model.state_dict()
    shared = [name for name in theirs if name in ours and not name.startswith("fc.")]
    assert all(torch.equal(ours[name], theirs[name]) for name in shared)
    assert {name for name in theirs if name not in ours} <= {n for n in theirs if ".bn" in n and "running" not in n}
    assert torch.equal(model.fc.weight, classifier)
    own = ("fc.", ".lstm.", ".inside.", "difference") + ((".bias",) if family == "tdn" else ())
    assert all(any(part in f"{name}" for part in own) or name == "conv1.bias" for name in random)
    if family == "tdn":
        assert torch.equal(ours["layer1_difference.1.conv2.weight"], theirs["layer1.1.conv2.weight"])
        mean = theirs["conv1.weight"].mean(dim=1)
        torch.testing.assert_close(ours["difference.conv.weight"][:, 7], mean)


def test_imagenet_weights_of_another_network_are_refused(cached_resnet):
    with pytest.raises(ValueError, match=r"(?s)with width 64.*conv1.weight: expected \(8, 3, 7, 7\)"):
        load_converted(create_model("tsn_resnet18", num_classes=3, width=8), cached_resnet[1])
    with pytest.raises(ValueError, match=r"\[3, 4, 6, 3\] blocks and the file \[2, 2, 2, 2\]"):
        load_converted(create_model("tsn_resnet34", num_classes=3), cached_resnet[1])
    with pytest.raises(ValueError, match=r"(?s)give a whole file.*conv1.weight: expected \(64, 3, 7, 7\), got None"):
        load_converted(create_model("tsn_resnet34", num_classes=3), {"fc.weight": torch.zeros(2)})


def test_imagenet_weights_that_cannot_be_had_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", raise_no_network)
    with pytest.raises(OSError, match=r"expected resnet50-0676ba61.pth in .*checkpoints, got no such file"):
        imagenet_weights("tsn_resnet50")


def raise_no_network(*arguments, **settings):
    raise OSError("no network")


def test_imagenet_weights_are_inflated_over_the_frames():
    guard_torchvision()
    import torchvision

    images = torchvision.models.resnet50(num_classes=3).double().eval()
    for module in images.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    model = create_model("slowonly_resnet50", num_classes=3, dropout=0.0).double().eval()
    loaded = load_converted(model, images.state_dict(), classifier=False)
    assert loaded.anew == ("fc.weight", "fc.bias")
    kernel = model.state_dict()["layer3.0.conv1.weight"]
    assert kernel.shape == (256, 512, 3, 1, 1)
    torch.testing.assert_close(kernel.sum(dim=2), images.state_dict()["layer3.0.conv1.weight"])
    model.fc.load_state_dict(images.fc.state_dict())
    picture = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    clip = picture[:, :, None].expand(-1, -1, 21, -1, -1)  # of equal frames; the middle one sees no zeros past the ends
    middle = model.avgpool(model.features(clip)[:, :, 10:11]).flatten(1)
    torch.testing.assert_close(model.fc(middle), images(picture), rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="expected a network of dnrlab made from a 2D ResNet, got r3d_18"):
        imagenet_weights("r3d_18")
