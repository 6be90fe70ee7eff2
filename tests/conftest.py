"""What tests share: small videos, made once a session, and small networks."""

import os
from pathlib import Path

import pytest
import torch

from dnrlab.data.synthetic import SyntheticConfig, make_synthetic

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
