"""Every recipe trains two iterations on a tiny official tree, as written but for the size of batches and frames."""

import json
import shutil

import pandas as pd
import pytest
import torch

from dnrlab.recipes.named import RECIPES
from dnrlab.torchvision_guard import guard_torchvision
from tests.helpers.commands import call
from tests.helpers.official_trees import TREES

SMALL = ["--epochs", "1", "--batch-size", "3", "--short-side", "36", "--crop-size", "32", "--cache-dir", ""]
SETS = {"kinetics200": "kinetics200", "something": "something_v2", "demo": "folders"}  # the others: kinetics400


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A torch folder that holds a ResNet-50 under the name that torchvision downloads from ImageNet."""
    guard_torchvision()
    from torchvision.models import resnet50

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("torch")
    (folder / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(resnet50().state_dict(), folder / "hub" / "checkpoints" / "resnet50-0676ba61.pth")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """The manifest of a set, built from its official files on first use."""
    folder, built = tmp_path_factory.mktemp("sets"), {}

    def manifest(name):
        if name not in built:
            tree, file = TREES[name](folder / name), folder / f"{name}.csv"
            annotations = ["--annotations", *tree.annotations] if tree.annotations else []
            assert call("manifest", "build", name, *annotations, "--videos", tree.videos, "--out", file) == 0
            built[name] = file
        return built[name]

    return manifest


@pytest.fixture(scope="module")
def kinetics_run(manifests, tmp_path_factory):
    """A run on Kinetics-400, for Something-Something to start from."""
    run = tmp_path_factory.mktemp("kinetics") / "run"
    assert call("train", "--recipe", "kinetics400", "--manifest", manifests("kinetics400"), "--out", run, *SMALL) == 0
    yield run
    shutil.rmtree(run)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_two_iterations(name, manifests, home, kinetics_run, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(home))
    manifest, run = manifests(SETS.get(name, "kinetics400")), tmp_path / "run"
    weights = ["--initial-weights", kinetics_run] if name == "something" else []
    iterations = ["--batch-size", "4"] if name == "something" else ["--batch-size", "2"] if name == "demo" else []
    words = ["--recipe", name, "--manifest", manifest, "--out", run, *SMALL, *weights, *iterations]
    assert call("train", *words) == 0
    assert torch.load(run / "checkpoint.pt", weights_only=True)["step"] == 2
    history = pd.read_csv(run / "history.csv")
    assert history[["loss", "grad_norm", "val_top1"]].notna().all(axis=None)
    config, recipe = json.loads((run / "config.json").read_text()), RECIPES[name]()
    assert config["model"]["name"] == recipe.model.name
    assert config["data"]["sampling"] == recipe.data.sampling
    assert config["flip"] == {"something": "label_aware", "demo": "none"}.get(name, "mirror")
    shutil.rmtree(run)
