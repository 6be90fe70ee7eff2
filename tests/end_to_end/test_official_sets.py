"""Every official format goes from its files to an evaluated network."""

import json

import pandas as pd
import pytest

from dnrlab.data.manifest import read_manifest
from tests.helpers.commands import call
from tests.helpers.official_trees import TREES


@pytest.mark.parametrize("name", TREES)
def test_a_tree_is_built_checked_trained_on_and_evaluated(tmp_path, name, capsys):
    tree = TREES[name](tmp_path / "data")
    file = tmp_path / "lists" / "set.csv"
    annotations = ["--annotations", *tree.annotations] if tree.annotations else []
    assert call("manifest", "build", tree.name, *annotations, "--videos", tree.videos, "--out", file) == 0
    manifest = read_manifest(file)
    assert len(manifest.rows) == tree.rows
    assert len(pd.read_csv(tmp_path / "lists" / "set.missing.csv")) == 0
    assert call("manifest", "check", file) == 0
    run = tmp_path / "run"
    tiny = ["--epochs", "1", "--short-side", "36", "--crop-size", "32", "--batch-size", "4", "--num-frames", "2"]
    assert call("train", "--manifest", file, "--out", run, *tiny, "--cache-dir", "", "--no-dnr") == 0
    words = ["--manifest", file, "--split", tree.evaluate_on, "--cache-dir", "", "--json"]
    capsys.readouterr()
    assert call("evaluate", run, *words) == 0
    held_out = int((manifest.rows["split"] == tree.evaluate_on).sum())
    assert json.loads(capsys.readouterr().out)["evaluated"] == f"evaluated {held_out} of {held_out}"
    assert json.loads((run / "config.json").read_text())["classes"] == list(manifest.classes)
