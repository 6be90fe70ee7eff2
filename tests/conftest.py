"""What tests share: one thread per worker, and small videos and trainings made once per session."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch loads: workers and the processes they start share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import joblib
import pandas as pd
import pytest
import torch

from dnrlab.data.manifest import read_manifest
from dnrlab.data.synthetic.make import SyntheticConfig, make_synthetic
from dnrlab.training.train import train
from tests.helpers.once import made_once
from tests.helpers.trainings import tiny

TINY = SyntheticConfig(train_scenes=2, val_scenes=1, test_scenes=1, num_frames=24, side=32)


FIRST = ("end_to_end", "training", "evaluation", "bench", "experiments")  # tests here start processes of their own


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Three workers on two cores: those that wait for processes of their own leave a core to another."""
    return max(1, 3 * joblib.cpu_count() // 2)


def pytest_collection_modifyitems(items):
    """Long files first, so that all workers end at about the same time (with ``--no-loadscope-reorder``)."""
    items.sort(key=lambda item: item.path.parent.name not in FIRST)
    if not torch.cuda.is_available():
        for item in items:
            if "needs_cuda" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="no CUDA GPU here"))


@pytest.fixture(scope="session", autouse=True)
def _settings(tmp_path_factory):
    """Settings of the account, such as its trusted networks, lie in a folder of the tests."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # workers share trainings
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(base / "settings"))
        yield


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory):
    """Manifest of a tiny synthetic set: 40 videos of 24 frames, 32 pixels wide."""
    return made_once(tmp_path_factory, "synthetic", lambda folder: make_synthetic(folder, TINY)) / "manifest.csv"


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
    run_dir = made_once(
        tmp_path_factory, "finished", lambda folder: train(tiny(), read_manifest(synthetic), folder / "run")
    )
    return run_dir / "run", pd.read_csv(run_dir / "run" / "history.csv")
