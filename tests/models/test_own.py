"""``package.module:function`` in place of a network's name."""

import logging
import re
import sys

import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.bench import BenchConfig, macs, measure_costs
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.evaluation.view_scores import scores_file
from dnrlab.models.own import source_digest
from dnrlab.recipes.named import demo, override
from dnrlab.relay import InterlacedConv2d, InterlacedConv3d, RelayNorm
from dnrlab.runs.folder import read_config
from dnrlab.runs.load import load_run
from dnrlab.training.initial_weights import imagenet_weights
from dnrlab.training.train import train

OWN = "tests.helpers.own_networks:"
SMALL = {"num_classes": 5, "num_frames": 4}
CLIPS = torch.rand(2, 3, 4, 32, 32)
TINY = {"epochs": 1, "batch_size": 10, "crop_size": 16, "short_side": 18, "num_frames": 4}
SOURCE = "from tests.helpers.own_networks import clips\n\n\ndef net(num_classes):\n    return clips(num_classes)\n"


def layers(model):
    return {name: module.config for name, module in model.named_modules() if isinstance(module, RelayNorm)}


def interlaced(model):
    return sum(isinstance(module, InterlacedConv2d | InterlacedConv3d) for module in model.modules())


@pytest.mark.parametrize("dnr", [None, DNRConfig(relay_distance=2)])
@pytest.mark.parametrize(("name", "blocks"), [("clips", 4), ("images", 4)])
def test_a_function_gives_a_network_with_the_settings(name, blocks, dnr):
    model = create_model(OWN + name, dnr=dnr, **SMALL)
    assert model(CLIPS).shape == (2, 5)
    assert len(layers(model)) == (blocks if dnr else 0)
    assert set(layers(model).values()) == ({dnr} if dnr else set())
    assert interlaced(model) == (blocks if dnr else 0)


def test_interlacing_and_other_norms_are_options_of_any_function():
    assert interlaced(create_model(OWN + "clips", interlacing=True, **SMALL)) == 4
    assert interlaced(create_model(OWN + "clips", interlacing=False, dnr=DNRConfig(), **SMALL)) == 0
    model = create_model(OWN + "clips", norm="group", **SMALL)
    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in model.modules())


def test_a_function_of_a_library_needs_no_wrapper():
    with torch.device("meta"):
        model = create_model("torchvision.models.video:r3d_18", dnr=DNRConfig(), **SMALL)
        ours = create_model("r3d_18", dnr=DNRConfig(), **SMALL)
    assert list(model.state_dict()) == list(ours.state_dict())


@pytest.mark.parametrize("dnr", [None, DNRConfig(relay_distance=2, direction="bi")])
def test_counted_macs_are_those_in_closed_form(dnr):
    settings = {"num_classes": 5, "num_frames": 8, "size": 48, "dnr": dnr}
    name = "torchvision.models.video:mc3_18"
    assert macs(name, **settings) == macs("mc3_18", **settings)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("tests.gone:net", ValueError, r"expected a module tests\.gone .*got ModuleNotFoundError"),
        (f"{OWN}gone", ValueError, r"expected a function 'gone' in .*own_networks\.py, got none; it has .*clips"),
        (f"{OWN}needs_more", TypeError, r"to need only num_classes.*got alphabet; give the others defaults"),
        (f"{OWN}no_network", TypeError, r"to return a torch\.nn\.Module, got str"),
        (f"{OWN}always_dnr", ValueError, r"to return a network with no DNR, got DNRConfig.*give it an argument dnr"),
        ("gone", ValueError, r"expected a network's name, got 'gone'; choose one of tsn_.*; or package"),
    ],
)
def test_errors_of_functions(name, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        create_model(name, **SMALL)


def test_a_function_that_ignores_interlacing_is_refused():
    name, dnr = f"{OWN}always_interlaced", DNRConfig()
    assert interlaced(create_model(name, dnr=dnr, **SMALL)) == 4
    with pytest.raises(ValueError, match=r"without interlacing, got one with it; give it an argument interlacing"):
        create_model(name, dnr=dnr, interlacing=False, **SMALL)


def test_a_network_for_images_says_what_to_return():
    model = create_model(f"{OWN}forgotten_wrapper", **SMALL)
    with pytest.raises(ValueError, match=r"got one for images; return dnrlab\.models\.PerFrame\(network\)"):
        model(CLIPS)


def test_macs_of_a_network_that_looks_at_values_are_counted_with_values():
    settings = {"num_classes": 5, "num_frames": 4, "size": 32}
    assert macs(f"{OWN}looks_at_values", **settings) == macs(f"{OWN}clips", **settings)


def test_imagenet_weights_are_not_guessed_from_the_name_of_a_function():
    with pytest.raises(ValueError, match=r"got mine:my_resnet50; give a file of weights"):
        imagenet_weights("mine:my_resnet50")


def test_an_edited_module_is_imported_again(own_module):
    name = f"{own_module.stem}:net"
    before, digest = create_model(name, **SMALL), source_digest(name)
    own_module.write_text(SOURCE.replace("clips(num_classes)", "clips(num_classes).double()", 1), encoding="utf-8")
    assert source_digest(name) != digest
    own_module.write_text(SOURCE.replace("return clips(num_classes)", "return clips(num_classes).double()"), "utf-8")
    assert next(before.parameters()).dtype == torch.float32
    assert next(create_model(name, **SMALL).parameters()).dtype == torch.float64


def test_logits_are_checked():
    model = create_model(f"{OWN}wrong_classes", **SMALL)
    with pytest.raises(ValueError, match=r"expected logits \(2, 5\) .*wrong_classes, got \(2, 6\)"):
        model(CLIPS)


def test_bench_takes_functions():
    config = BenchConfig(num_frames=4, crop_size=32, num_classes=5, rounds=1, treatments=("eager",), tasks=("forward",))
    table = measure_costs([f"{OWN}clips"], config).table
    assert list(table["network"]) == [f"{OWN}clips", f"{OWN}clips + DNR", "control"]
    assert table["gmacs"][1] > table["gmacs"][0] == table["gmacs"][2]
    assert (table["seconds"] > 0).all()


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the current folder, by a name that no other test has."""
    name = f"net_{re.sub(r'[^a-z0-9]', '_', tmp_path.name)}"
    file = tmp_path / f"{name}.py"
    file.write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return file


def test_a_run_records_the_function_and_says_what_has_changed(own_module, synthetic, tmp_path, caplog):
    name, manifest = f"{own_module.stem}:net", read_manifest(synthetic)
    recipe, run_dir = override(demo(), name=name, dnr=DNRConfig(relay_distance=2), **TINY), tmp_path / "run"
    train(recipe, manifest, run_dir)
    config = read_config(run_dir)
    assert config["model"]["name"] == name
    assert config["model_source"] == source_digest(name)
    run = load_run(run_dir)
    assert len(layers(run.model)) == 4
    videos, scores = select(manifest, "test"), scores_file(run_dir, "test", recipe.model)
    evaluate(run.model, videos, recipe.data, EvalConfig(), reader=READER, scores=scores)
    assert "has changed" not in caplog.text

    own_module.write_text(SOURCE + "# changed\n", encoding="utf-8")
    with caplog.at_level(logging.INFO, "dnrlab"):
        load_run(run_dir)
        evaluate(run.model, videos, recipe.data, EvalConfig(), reader=READER, scores=scores)
    assert f"the source file of {name} has changed since {run_dir} was trained" in caplog.text
    assert "have other model_source: all videos are scored again" in caplog.text
    with pytest.raises(ValueError, match=r"expected the source file of .*restore it to resume"):
        train(recipe, manifest, run_dir)

    own_module.unlink()
    sys.modules.pop(own_module.stem)
    with pytest.raises(ValueError, match=r"was trained on a function that is gone: expected a module"):
        load_run(run_dir)


def test_a_training_of_a_function_starts_from_a_file_and_from_a_run(synthetic, tmp_path):
    name = f"{OWN}images"
    weights = create_model(name, num_classes=10, num_frames=4).state_dict()
    torch.save(weights, tmp_path / "weights.pth")
    still = TINY | {"lr": 1e-9, "warmup_iterations": 0}
    first = override(demo(), name=name, dnr=None, initial_weights=str(tmp_path / "weights.pth"), **still)
    train(first, read_manifest(synthetic), tmp_path / "first")
    learned = load_run(tmp_path / "first").model.state_dict()
    for key, value in weights.items():
        if "running" not in key and "num_batches" not in key:
            torch.testing.assert_close(learned[key], value, rtol=0, atol=1e-5)
    second = override(demo(), name=name, dnr=DNRConfig(), initial_weights=str(tmp_path / "first"), **still)
    train(second, read_manifest(synthetic), tmp_path / "second")
    relayed = load_run(tmp_path / "second").model.state_dict()
    torch.testing.assert_close(relayed["network.layer1.0.conv1.weight"], weights["network.layer1.0.conv1.weight"])
    assert "network.layer1.lstm.input_gates.0.weight" in relayed
