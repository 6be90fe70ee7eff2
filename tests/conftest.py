"""What tests share: small videos, made once a session, and small networks."""

import os
from pathlib import Path

import pytest
import torch

from dnrlab.data.manifest import read_manifest
from dnrlab.data.synthetic.make import SyntheticConfig, make_synthetic
from dnrlab.training.train import train
from tests.trainings import tiny

PROJECT = Path(__file__).parent.parent
TINY = SyntheticConfig(train_scenes=2, val_scenes=1, test_scenes=1, num_frames=24, side=32)


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if "needs_cuda" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="no CUDA GPU here"))


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory):
    """Manifest of a tiny synthetic set: 40 videos of 24 frames, 32 pixels wide."""
    return make_synthetic(tmp_path_factory.mktemp("synthetic"), TINY)


@pytest.fixture(scope="session")
def real_data():
    """Folder of real labelled videos, or a skip."""
    folder = os.environ.get("DNRLAB_TEST_DATA")
    if not folder:
        pytest.skip("DNRLAB_TEST_DATA is unset: no real videos here")
    return Path(folder)


@pytest.fixture(scope="session")
def finished(synthetic, tmp_path_factory):
    """A tiny training that has ended: its run folder and history."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    return run_dir, train(tiny(), read_manifest(synthetic), run_dir)
