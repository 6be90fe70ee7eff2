"""Trained runs, and the explorer opened for them."""

import shutil

import pytest

import dnrlab
from dnrlab.data.manifest import read_manifest
from dnrlab.training.train import train
from tests.helpers.browser import browser_page, jupyterlab, open_notebook, run_all, write_notebook
from tests.helpers.explorer_page import settled
from tests.helpers.once import made_once
from tests.helpers.paths import PROJECT
from tests.helpers.trainings import tiny

NETWORKS = PROJECT / "notebooks" / "networks"


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


@pytest.fixture(scope="module")
def notebook(synthetic, tmp_path_factory):
    """A folder with a notebook that opens the explorer, and the runs it opens."""
    root = tmp_path_factory.mktemp("lab")
    for name in ("bn", "dnr"):
        shutil.copytree(NETWORKS / name, root / name)
    explore = f"explorer = dnrlab.explore(['bn', 'dnr'], {str(synthetic)!r}, device='cpu')\nexplorer"
    done = "import os\nprint('all' + ' done', os.getpid())"
    write_notebook(root / "explorer.ipynb", ["import dnrlab", explore, done])
    return root


@pytest.fixture(scope="module")
def page(notebook, tmp_path_factory):
    """The notebook in JupyterLab, run to its end. Errors on the page fail the last test."""
    with browser_page(1280, 1600) as page, jupyterlab(tmp_path_factory.mktemp("server"), notebook) as server:
        open_notebook(page, server, "explorer.ipynb")
        run_all(page, "all done")
        page.wait_for_selector(".dnrlab-player figure canvas")
        settled(page)
        yield page
        assert not page.errors
