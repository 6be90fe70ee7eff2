"""The demo and its promises."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from dnrlab import DNRConfig
from dnrlab.data.synthetic.motions import CLASSES
from dnrlab.demo import NETWORKS, keep_networks, table
from dnrlab.recipes.named import demo, interlacing_by_name, override
from dnrlab.runs.load import load_run
from tests.helpers.paths import PROJECT

KEPT = PROJECT / "notebooks" / "networks"

ROW = {"top1": 0.5, "pair": 0.75, "within_pair": 2 / 3}


def test_the_table_has_a_line_for_each_network():
    lines = table(dict.fromkeys(("bn", "bn_interlaced", "relay", "dnr"), ROW)).splitlines()
    assert len(lines) == 6
    assert lines[1].split() == ["batch", "norm", "0.50", "0.75", "0.67"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which ``make demo`` was run, without its installation."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
    environment = f"BIN={sys.prefix}/bin"
    subprocess.run(
        ["make", "--file", PROJECT / "Makefile", "--old-file", "setup", "demo", environment], cwd=folder, check=True
    )
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


def test_the_files_that_open_the_four_networks_are_saved(tmp_path):
    for name in NETWORKS:
        (tmp_path / "runs" / name).mkdir(parents=True)
        for file in ("config.json", "best.safetensors", "metrics.json", "checkpoint.pt"):
            (tmp_path / "runs" / name / file).write_text(f"{name} {file}")
    keep_networks(tmp_path / "runs", tmp_path / "kept")
    assert {path.name for path in (tmp_path / "kept" / "relay").iterdir()} == {
        "config.json",
        "best.safetensors",
        "metrics.json",
    }
    assert (tmp_path / "kept" / "dnr" / "best.safetensors").read_text() == "dnr best.safetensors"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_of_the_repository_are_those_of_the_recipe(name):
    run = load_run(KEPT / name)
    assert (KEPT / name / "best.safetensors").stat().st_size < 1_000_000
    assert run.classes == tuple(sorted(CLASSES))
    options = NETWORKS[name]
    interlacing = interlacing_by_name(str(options["interlacing"]))
    assert run.recipe == override(demo(), dnr=DNRConfig() if options["dnr"] else None, interlacing=interlacing)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_of_the_repository_score_what_they_say(folder, name):
    copy = shutil.copytree(KEPT / name, folder / "again" / name)
    words = ["evaluate", str(copy), "--manifest", "runs/synthetic/manifest.csv"]
    run(folder, "dnrlab", *words)
    recorded, found = (json.loads((each / name / "metrics.json").read_text()) for each in (KEPT, folder / "again"))
    assert found["evaluated"] == recorded["evaluated"] == "evaluated 300 of 300"
    assert found["top1"] == pytest.approx(recorded["top1"], abs=0.02)  # another CPU may round otherwise


@pytest.mark.slow
@pytest.mark.extended
def test_every_notebook_runs_with_its_defaults(folder):
    notebooks = set((PROJECT / "notebooks").glob("*.ipynb")) - {PROJECT / "notebooks" / "00_start_here.ipynb"}
    for notebook in sorted(notebooks):  # in reading order: 02 wants what 01 leaves
        run(folder, "papermill", str(notebook), str(folder / notebook.name), "--no-progress-bar")


@pytest.mark.slow
def test_the_stored_figures_can_be_drawn_again(tmp_path):
    shutil.copytree(PROJECT / "notebooks", tmp_path / "notebooks")
    figures = tmp_path / "notebooks" / "figures"
    names = ["history", "confusion", "relay_cut", "cost", "reversal", "relay_ablation", "small_batches", "speed_kept"]
    for name in names:  # the others show frames of the whole synthetic set
        (figures / f"{name}.png").unlink()
    command = [sys.executable, str(figures / "redraw.py"), *names]
    subprocess.run(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, check=True)
    assert all((figures / f"{name}.png").is_file() for name in names)
