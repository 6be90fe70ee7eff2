"""Networks that start from a file with less, or with other classes: what is loaded, starts anew and is dropped."""

import copy

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import dnrlab
from dnrlab import DNRConfig, add_dnr, create_model, load_weights
from dnrlab.models import PerFrame
from dnrlab.models.checkpoints.load import load_converted
from dnrlab.relay import CrossTemporalNorm, RelayNorm
from tests.helpers.elsewhere import torchvision_network
from tests.models.test_checkpoints import network, openmmlab, trained
from tests.reference import by_hand, checkpoints


def plain_names(classes=5):
    """A ResNet-50 of width 16 with torchvision's names."""
    tree = checkpoints.tsm(classes, shifted=False)
    return {**tree.base_model.state_dict(), "fc.weight": tree.new_fc.weight.data, "fc.bias": tree.new_fc.bias.data}


def names_of(model, *parts):
    return {name for name in model.state_dict() if any(part in name for part in parts)}


@pytest.mark.parametrize("name", ["tsn_resnet50", "tsm_resnet50", "tanet_resnet50"])
def test_dnr_starts_from_a_plain_file_with_its_statistics(name):
    model, theirs = network(name, dnr=DNRConfig()), plain_names()
    before = copy.deepcopy(model.state_dict())
    loaded = load_converted(model, theirs)
    replaced = [key for key, module in model.named_modules() if isinstance(module, RelayNorm)]
    assert len(replaced) == 32
    tensors = ("weight", "bias", "num_batches_tracked")
    assert set(loaded.dropped) == {f"{norm}.{each}" for norm in replaced for each in tensors}
    assert set(loaded.anew) == names_of(model, ".lstm.", ".inside.")
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key] if key in loaded.anew else theirs[key]), key
    for norm in replaced:
        assert torch.equal(model.get_submodule(norm).running_var, theirs[f"{norm}.running_var"])
    assert "layer*.*.bn2.lstm (128), layer*.lstm (32)" in str(loaded)
    assert str(loaded).endswith("96 dropped (layer*.*.bn1 (48), layer*.*.bn2 (48))")


@pytest.mark.parametrize("settings", [{"dnr": DNRConfig(standardization="group")}, {"norm": "group"}])
def test_norms_without_running_statistics_drop_those_of_the_file(settings):
    model, theirs = network("tsn_resnet50", **settings), plain_names()
    loaded = load_converted(model, theirs)
    assert {"layer1.0.bn1.running_mean", "layer1.0.bn1.num_batches_tracked"} <= set(loaded.dropped)
    assert all(".lstm." in name for name in loaded.anew)
    if "norm" in settings:
        assert not loaded.anew
        assert torch.equal(model.layer1.get_submodule("0").bn1.weight, theirs["layer1.0.bn1.weight"])
    assert all(torch.equal(model.state_dict()[name], theirs[name]) for name in loaded.loaded)


def test_dnr_of_one_relay_starts_its_other_relay_anew():
    layer = network("tsn_resnet50", dnr=DNRConfig(where="layer"))
    both = network("tsn_resnet50", dnr=DNRConfig())
    loaded = load_converted(both, layer.state_dict())
    assert set(loaded.anew) == names_of(both, "bn2.lstm.")
    cell = layer.layer3.lstm.state_dict()
    assert all(torch.equal(value, cell[name]) for name, value in both.layer3.lstm.state_dict().items())


def test_tdn_starts_from_a_resnet():
    model, theirs = network("tdn_resnet50"), plain_names()
    shift = model.layer2.get_submodule("0").inside.shift.weight.clone()
    loaded = load_converted(model, theirs)
    ours = model.state_dict()
    for key in names_of(model, "layer1_difference."):
        if key not in loaded.anew:
            assert torch.equal(ours[key], theirs[key.replace("layer1_difference.", "layer1.")])
    mean = theirs["conv1.weight"].mean(dim=1)
    assert all(torch.allclose(ours["difference.conv.weight"][:, channel], mean) for channel in range(12))
    convolutions = [key for key, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    biases = {f"{key}.bias" for key in convolutions} & ours.keys()
    assert set(loaded.anew) == names_of(model, ".inside.", "difference.bn.") | biases
    assert not any(ours[bias].any() for bias in biases)
    assert torch.equal(model.layer2.get_submodule("0").inside.shift.weight, shift)
    assert loaded.dropped == ()


def test_tdn_with_dnr_uses_the_affine_pairs_of_layer1_in_its_copy():
    model, theirs = network("tdn_resnet50", dnr=DNRConfig()), plain_names()
    loaded = load_converted(model, theirs)
    assert torch.equal(model.state_dict()["layer1_difference.2.bn2.weight"], theirs["layer1.2.bn2.weight"])
    assert "layer1.2.bn2.weight" not in loaded.dropped
    assert "layer2.0.bn2.weight" in loaded.dropped


def test_2d_kernels_are_inflated():
    model, theirs = network("slowonly_resnet50"), plain_names()
    loaded = load_converted(model, theirs)
    assert (loaded.anew, loaded.dropped, len(loaded.loaded)) == ((), (), 320)
    kernel = model.state_dict()["layer3.0.conv1.weight"]
    assert kernel.shape[2] == 3
    torch.testing.assert_close(kernel[:, :, 1] * 3, theirs["layer3.0.conv1.weight"])
    torch.testing.assert_close(kernel.sum(dim=2), theirs["layer3.0.conv1.weight"])


@pytest.mark.parametrize("name", ["tsm_resnet50", "tanet_resnet50", "tdn_resnet50"])
def test_tsn_of_mmaction2_starts_networks_with_temporal_modules(name, tmp_path):
    tree, model, expected = checkpoints.mmaction2(), network(name), network(name)
    torch.save(openmmlab(tree), tmp_path / "tsn.pth")
    loaded = dnrlab.load_weights(model, tmp_path / "tsn.pth")
    assert names_of(model, ".inside.") <= set(loaded.anew)
    plain = by_hand.from_mmaction2(network("tsn_resnet50"), tree).state_dict()
    load_converted(expected, plain)
    assert all(torch.equal(model.state_dict()[key], expected.state_dict()[key]) for key in loaded.loaded)
    assert all(torch.equal(model.state_dict()[key], plain[key]) for key in plain)


def test_a_shifted_file_fits_a_tsn_with_interlacing():
    tree = checkpoints.tsm()
    model = network("tsn_resnet50", interlacing=True)
    load_converted(model, {f"module.{name}": value for name, value in tree.state_dict().items()})
    clips = torch.randn(1, 3, 8, 32, 32)
    with torch.inference_mode():
        expected = by_hand.from_tsm(network("tsm_resnet50"), tree)(clips)
        torch.testing.assert_close(model(clips), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("classes", [7, 5])
def test_a_classifier_is_loaded_if_it_has_as_many_classes(classes, tmp_path):
    torch.save(trained(checkpoints.tsm(classes)), tmp_path / "tsm.pth")
    model = network("tsm_resnet50")
    before = model.fc.weight.clone()
    loaded = dnrlab.load_weights(model, tmp_path / "tsm.pth")
    assert loaded.anew == (() if classes == 5 else ("fc.weight", "fc.bias"))
    assert loaded.dropped == (() if classes == 5 else ("module.new_fc.weight", "module.new_fc.bias"))
    assert torch.equal(model.fc.weight, before) == (classes == 7)
    loaded = dnrlab.load_weights(model, tmp_path / "tsm.pth", classifier=False)
    assert loaded.anew == ("fc.weight", "fc.bias")


@pytest.mark.parametrize("name", ["tsm_resnet18", "tdn_resnet18", "r3d_18"])
def test_files_of_dnrlab_itself(name, tmp_path):
    theirs, ours = (network(name, dnr=DNRConfig()) for _ in range(2))
    save_file(theirs.state_dict(), tmp_path / "best.safetensors")
    torch.save({"model": theirs.state_dict(), "step": 3}, tmp_path / "checkpoint.pt")
    for file in ("best.safetensors", "checkpoint.pt"):
        loaded = dnrlab.load_weights(ours, tmp_path / file)
        assert (loaded.anew, loaded.dropped) == ((), ())
        assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in ours.state_dict().items())


def test_files_without_counters_load():
    theirs = {name: value for name, value in plain_names().items() if "num_batches" not in name}
    loaded = load_converted(network("tsn_resnet50"), theirs)  # of torch before 0.4.1
    assert (len(loaded.loaded), loaded.anew, loaded.dropped) == (len(theirs), (), ())


class Elsewhere(nn.Module):
    """A network that is none of dnrlab's, with names that dnrlab knows from other places."""

    def __init__(self, norm):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv3d(3, 8, 1), norm)
        self.head = nn.Linear(8, 4)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_networks_made_elsewhere_load_their_own_names(prefix):
    theirs = {f"{prefix}{name}": value for name, value in Elsewhere(nn.BatchNorm3d(8)).state_dict().items()}
    plain, relayed = Elsewhere(nn.BatchNorm3d(8)), Elsewhere(CrossTemporalNorm(8))
    assert len(load_converted(plain, theirs).loaded) == len(theirs)
    loaded = load_converted(relayed, theirs)
    assert set(loaded.anew) == names_of(relayed, ".lstm.")
    assert set(loaded.dropped) == {f"{prefix}backbone.1.{each}" for each in ("weight", "bias", "num_batches_tracked")}
    around = nn.ModuleDict({"network": plain})
    assert len(load_converted(around, theirs).loaded) == len(theirs)
    assert load_converted(relayed, theirs, classifier=False).anew[:2] == ("head.weight", "head.bias")


@pytest.mark.parametrize("interlacing", [True, False])
def test_networks_with_added_dnr_load_plain_files_and_shifted_ones(interlacing):
    theirs = checkpoints.at_random(torchvision_network("resnet18")).eval().state_dict()
    images = torchvision_network("resnet18")
    add_dnr(images, DNRConfig(relay_distance=2), num_frames=4, interlacing=interlacing)
    model = PerFrame(images).eval()
    loaded = load_converted(model, theirs)
    assert set(loaded.anew) == names_of(model, ".lstm.")
    assert {name.rpartition(".")[2] for name in loaded.dropped} == {"weight", "bias", "num_batches_tracked"}
    ours = network("tsn_resnet18", 4, dnr=DNRConfig(relay_distance=2), interlacing=interlacing, width=64)
    load_converted(ours, images.state_dict())
    clips = torch.randn(1, 3, 4, 32, 32)
    with torch.inference_mode():
        expected = model(clips)
        torch.testing.assert_close(ours(clips), expected, rtol=1e-5, atol=1e-6 * float(expected.abs().max()))
    shifted = {name.replace(".conv1.weight", ".conv1.net.weight"): value for name, value in theirs.items()}
    if interlacing:
        assert load_converted(model, shifted).source == "TSM's repository"
    else:
        with pytest.raises(ValueError, match="shifts in no block, got weights of TSM with shifts in 8 blocks"):
            load_converted(model, shifted)


def test_a_wrapped_network_loads_its_own_weights(tmp_path):
    first, second, third = (PerFrame(torchvision_network("resnet18")) for _ in range(3))
    torch.save(first.state_dict(), tmp_path / "own.pth")
    torch.save({f"module.{name}": value for name, value in first.state_dict().items()}, tmp_path / "parallel.pth")
    for model, file in ((second, "own.pth"), (third, "parallel.pth")):
        loaded = load_weights(model, tmp_path / file)
        assert loaded.anew == loaded.dropped == ()
        for name, value in first.state_dict().items():
            assert torch.equal(model.state_dict()[name], value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"new_fc.weight": torch.zeros(5, 512), "new_fc.bias": torch.zeros(5)}, r"one tensor for fc\..*got fc\."),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7, dtype=torch.int8)}, r"got torch\.int8 in conv1\.weight"),
        ({"bn1.bias": torch.full((64,), torch.nan)}, r"got nan or inf in bn1\.bias"),
    ],
)
def test_files_that_say_two_things_or_nothing_are_refused(change, message, tmp_path):
    model = create_model("tsn_resnet18", num_classes=5)
    torch.save(model.state_dict() | change, tmp_path / "file.pth")
    with pytest.raises(ValueError, match=message):
        load_weights(model, tmp_path / "file.pth")


def test_a_file_with_two_state_dicts_is_refused_by_their_keys(tmp_path):
    weights = create_model("tsn_resnet18", num_classes=5).state_dict()
    torch.save({"state_dict": weights, "state_dict_ema": weights}, tmp_path / "two.pth")
    with pytest.raises(ValueError, match=r"one state dict in .*got state_dict, state_dict_ema; store the one"):
        load_weights(create_model("tsn_resnet18", num_classes=5), tmp_path / "two.pth")
    torch.save({"model_state_dict": weights, "epoch": 3}, tmp_path / "one.pth")
    assert load_weights(create_model("tsn_resnet18", num_classes=5), tmp_path / "one.pth").dropped == ()


def test_a_state_dict_in_place_of_a_file_says_what_to_call():
    model = create_model("tsn_resnet18", num_classes=5)
    with pytest.raises(TypeError, match="got OrderedDict; a state dict needs load_state_dict"):
        load_weights(model, model.state_dict())
