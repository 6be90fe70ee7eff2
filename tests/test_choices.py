"""Values of parameters that no notebook can use are named before any work."""

import pytest

from dnrlab.choices import mistakes_in
from dnrlab.notebook import start

RECIPE = {"recipe": "demo", "model": "", "dnr": True, "relay_distance": 4, "dnr_settings": {}, "interlacing": "auto"}


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({"recipe": "demmo"}, "recipe", "got 'demmo'; choose one of demo"),
        ({"model": "tsn_resnet19"}, "model", "choose one of tsn_resnet18"),
        ({"model": "nowhere:network"}, "model", "expected a module nowhere"),
        ({"models": ["tsn_resnet18", "x"]}, "models", "got 'x'; choose one of"),
        ({"device": "gpu"}, "device", "expected device auto, cpu, cuda or cuda:N, got 'gpu'"),
        ({"compile": "on"}, "compile", "got 'on'; choose one of auto, off, default, graphs"),
        ({"manifest": "none.csv"}, "manifest", "expected a manifest at none.csv, got no such file"),
        ({"root": "none"}, "root", "expected a folder, got none at 'none'"),
        ({"runs": ["tests"]}, "runs", "expected a run folder with config.json, got none at 'tests'; train it first"),
        ({"card": "kinetics"}, "card", "got 'kinetics'; choose one of kinetics"),
        ({"groups": ["where", "when"]}, "groups", "got 'when'; choose one of where"),
        ({"norms": ["bach"]}, "norms", "choose one of batch"),
        (RECIPE | {"interlacing": "yes"}, "interlacing", "got 'yes'; choose one of auto"),
        (RECIPE | {"dnr_settings": {"deph": 2}}, "recipe", "expected settings of DNR, got deph"),
        (RECIPE | {"settings": {"dropot": 0.1}}, "recipe", "expected fields of a recipe, got dropot"),
        (RECIPE | {"width": 7}, "model", "7"),
        (
            RECIPE | {"model": "tsm_resnet18", "interlacing": "always"},
            "model",
            "expected no interlacing in tsm_resnet18",
        ),
    ],
)
def test_a_value_that_cannot_be_used_is_named(given, name, words):
    found = list(mistakes_in(given))
    assert [each for each, _ in found] == [name]
    assert words in found[0][1]


def test_columns_folds_and_splits_are_looked_up_in_the_manifest(tmp_path):
    file = tmp_path / "videos.csv"
    file.write_text("path,label,split,fold\na.mp4,x,train,0\nb.mp4,x,test,1\n")
    manifest = {"manifest": str(file)}
    assert not [*mistakes_in(manifest | {"split": "test", "split_column": "", "test_fold": ""})]
    (found,) = mistakes_in(manifest | {"split": "val"})
    assert found[0] == "split"
    assert "expected rows of split 'val', got test, train" in found[1]
    (found,) = mistakes_in(manifest | {"split_column": "foo"})
    assert found[0] == "split_column"
    (found,) = mistakes_in(manifest | {"split_column": "fold", "test_fold": "7"})
    assert "7" in found[1]
    file.write_text(file.read_text() + "c.mp4,x,val,2\n")  # the file is read again
    assert not [*mistakes_in(manifest | {"split": "val"})]
    assert not [*mistakes_in({"manifest": "synthetic", "split": "validation"})]
    assert [name for name, _ in mistakes_in({"manifest": "synthetic", "test_fold": "1"})] == ["test_fold"]


def test_each_wrong_value_of_a_recipe_is_named_once():
    found = [*mistakes_in(RECIPE | {"epochs": -1, "lr": -1.0, "crop_size": -3})]
    assert sorted(name for name, _ in found) == ["crop_size", "epochs", "lr"]
    (found,) = mistakes_in(RECIPE | {"lr": 0.0, "settings": {"lr": -1.0}})
    assert found[0] == "settings"


def test_values_that_can_be_used_are_no_mistakes(synthetic):
    good = {"manifest": str(synthetic), "device": "auto", "sampling": "", "runs": [], "models": ["tdn_resnet50"]}
    assert list(mistakes_in(RECIPE | good)) == []
    assert list(mistakes_in({"manifest": "synthetic", "initial_weights": "imagenet"})) == []


def test_a_notebook_names_all_of_them_when_it_starts():
    cells = {"In": ["", "device: str = 'cpu'  # device\nmanifest: str = 'synthetic'  # videos"]}
    with pytest.raises(ValueError, match=r"device: .*; manifest: expected a manifest at none\.csv"):
        start(cells | {"device": "gpu", "manifest": "none.csv"})
