"""Trained runs, and the explorer opened for them."""

import shutil

import pytest

import dnrlab
from dnrlab.data.manifest import read_manifest
from dnrlab.training.train import train
from tests.helpers.once import made_once
from tests.helpers.trainings import tiny


@pytest.fixture(scope="module")
def runs(finished, synthetic, tmp_path_factory):
    """Run folders of a network with DNR and of one without."""
    short = tiny(dnr=None, epochs=1, warmup_iterations=0)
    plain = made_once(tmp_path_factory, "plain", lambda out: train(short, read_manifest(synthetic), out / "bn"))
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(finished[0], folder / "dnr")
    shutil.copytree(plain / "bn", folder / "bn")
    return [str(folder / "bn"), str(folder / "dnr")]


@pytest.fixture
def explorer(runs, synthetic):
    made = dnrlab.explore(runs, synthetic)
    assert made.body.wait(60, scores=True)
    yield made.body
    made.body.end()
