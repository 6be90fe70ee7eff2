"""A batch on a full disk, with kernels that are killed, and with a stranger's grid and notebooks."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from dnrlab.batch.batch import BatchConfig, run_batch
from dnrlab.batch.grid import read_grid
from dnrlab.batch.report import write_report
from dnrlab.batch.runs import runs_of
from tests.helpers.full_disk import fill_disk
from tests.helpers.grids import CELL, write_cells, write_grid
from tests.helpers.paths import PROJECT

EVIL = "<script>alert(1)</script>$x^{$"


def limited(size, grid, out):
    """A batch that can write ``size`` bytes to each file, in all its processes: what it prints, and its exit code."""
    command = ["prlimit", f"--fsize={size}", sys.executable, "-m", "dnrlab", "batch", str(grid), "--out", str(out)]
    process = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    return process.stdout + process.stderr, process.returncode


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit of Linux is not installed")
@pytest.mark.parametrize(
    ("size", "source", "words"),
    [
        (100, "1", "batch.json could not be written"),
        (5_000, "'x' * 9_000", "first.ipynb could not be written"),
        (40_000, "open(f'{run_dir}/big', 'wb').write(bytes(50_000))", "OSError: [Errno 27] File too large"),
    ],
)
def test_files_that_cannot_be_written_are_named_and_the_batch_goes_on_with_space(tmp_path, size, source, words):
    grid = write_grid(tmp_path, "title: Big\nparameters: {seed: [0, 1]}\nnotebooks: [first]\n", first=source)
    out = tmp_path / "out"
    text, code = limited(size, grid, out)
    assert code == 1
    assert words in text
    assert "Traceback" not in text
    assert not list(out.rglob("*.unfinished-*"))
    result = run_batch(grid, out)
    assert (result["done"], result["failed"]) == (2, 0)
    assert pd.read_csv(out / "results.csv")["state"].tolist() == ["done", "done"]


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    grid = write_grid(tmp_path, "title: Small\nnotebooks: [first]\n", first="print(1)")
    run_batch(grid, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    for name in ("report.html", "results.csv", "summary.csv"):
        with monkeypatch.context() as patch:
            fill_disk(patch, name)
            with pytest.raises(OSError, match=rf"{name} could not be written .*No space left.*old file is unchanged"):
                write_report(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text() == page


def test_a_kernel_that_is_killed_is_a_failure_of_its_run(tmp_path):
    die = "import os, signal\nif seed == 0:\n    os.kill(os.getpid(), signal.SIGKILL)"
    grid = write_grid(tmp_path, "title: a\nparameters: {seed: [0, 1]}\nnotebooks: [die]\n", die=die)
    result = run_batch(grid, tmp_path / "out", BatchConfig())
    assert (result["done"], result["failed"]) == (1, 1)
    assert "Kernel died" in result["failures"][0]["error"]
    assert "Kernel died" in (tmp_path / "out" / "report.html").read_text()
    table = pd.read_csv(tmp_path / "out" / "results.csv")
    assert table["state"].tolist() == ["failed", "done"]


def test_names_of_a_stranger_stay_in_the_folder_and_are_texts_in_the_report(tmp_path):
    values = ["../../outside", "/tmp/elsewhere", "..", EVIL, "a\nb", "x" * 300, "$(touch outside)", "con\\x"]
    name = "<i>$ note & book"
    text = f"title: {json.dumps(EVIL)}\nparameters: {{word: {json.dumps(values)}}}\nnotebooks: ['{name}']\n"
    source = "print(word)\nfrom IPython.display import display, HTML, Markdown, Javascript, IFrame\n"
    source += "display(HTML(' ' + word), Markdown(word + '![a](http://127.0.0.1:1/a.png)'), Javascript('alert(1)'))\n"
    source += "display(HTML('<link rel=stylesheet href=http://127.0.0.1:1/a.css><base href=http://127.0.0.1:1>'))"
    write_cells(tmp_path / f"{name}.ipynb", f"{CELL}\nword: str = ''  # words", source)
    grid = write_grid(tmp_path, text)
    before = set(tmp_path.iterdir())
    runs = runs_of(read_grid(grid), tmp_path / "out").runs
    assert all(run.folder.parent == tmp_path / "out" and run.name.isascii() for run in runs)
    assert all(len(run.name) <= 100 and "/" not in run.name for run in runs)
    result = run_batch(grid, tmp_path / "out")
    assert result["done"] == len(values)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "out"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert re.findall(r"""<[^>]*(?:src|href|action|data)\s*=\s*['"]?(?!data:image/)""", page) == []
    assert not re.search(r"<(link|iframe|object|embed|form|svg|base|meta http-equiv=.refresh)\b", page)
    assert "<i>" not in page.split("<body>")[1].split("Notebooks")[0]


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", os.sep + "tmp" + os.sep + "x", "", "."])
def test_a_list_of_runs_that_names_other_folders_is_refused(tmp_path, name):
    grid = write_grid(tmp_path, "title: a\nnotebooks: [first]\n", first="print(1)")
    run_batch(grid, tmp_path / "out")
    file = tmp_path / "out" / "batch.json"
    values = json.loads(file.read_text())
    values["runs"][0]["name"] = name
    file.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"expected a whole file at .*batch\.json"):
        write_report(tmp_path / "out")
