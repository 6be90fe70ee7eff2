"""The demo and its promises."""

import json
import subprocess
import sys

import pytest

from dnrlab.demo import table
from tests.conftest import PROJECT

ROW = {"top1": 0.5, "pair": 0.75, "within_pair": 2 / 3}


def test_the_table_has_a_line_for_each_network():
    lines = table(dict.fromkeys(("bn", "bn_interlaced", "relay", "dnr"), ROW)).splitlines()
    assert len(lines) == 6
    assert lines[1].split() == ["batch", "norm", "0.50", "0.75", "0.67"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the demo was run, as ``make demo`` does."""
    folder = tmp_path_factory.mktemp("demo")
    run(folder, "dnrlab.demo", "--notebooks", str(PROJECT / "notebooks"))
    return folder


def run(folder, module, *words):
    subprocess.run([sys.executable, "-m", module, *words], cwd=folder, check=True)


@pytest.mark.slow
def test_the_demo_keeps_its_promises(folder):
    summary = json.loads((folder / "runs" / "demo" / "summary.json").read_text())
    assert abs(summary["bn"]["within_pair"] - 0.5) <= 0.08  # it cannot see order
    assert summary["bn"]["pair"] >= 0.5
    assert summary["relay"]["within_pair"] >= 0.85
    assert summary["relay"]["top1"] >= 0.6
    assert {"bn", "bn_interlaced", "relay", "dnr"} <= set(summary)
    assert len(summary["figures"]) >= 5
    assert all((folder / figure).is_file() for figure in summary["figures"])


@pytest.mark.slow
def test_every_notebook_runs_with_its_defaults(folder):
    for notebook in sorted((PROJECT / "notebooks").glob("0[1-9]*.ipynb")):  # in reading order: 02 wants what 01 leaves
        run(folder, "papermill", str(notebook), str(folder / notebook.name), "--no-progress-bar")
