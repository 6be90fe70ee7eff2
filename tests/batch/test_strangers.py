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
from dnrlab.batch.chain import environment
from dnrlab.batch.grid import Mistakes, read_grid
from dnrlab.batch.report import write_report
from dnrlab.batch.runs import runs_of
from dnrlab.batch.state import read_state
from tests.helpers.full_disk import fill_disk
from tests.helpers.grids import CELL, write_cells, write_grid
from tests.helpers.paths import PROJECT

EVIL = "<script>alert(1)</script>$x^{$"


HOSTILE = """print(word)
import matplotlib.pyplot as plt
from IPython.display import HTML, Javascript, Markdown, display
plt.plot([1])
plt.show()
display(HTML(' ' + word), Markdown(word + '![a](http://127.0.0.1:1/a.png)'), Javascript('alert(1)'))
display(HTML('<link rel=stylesheet href=http://127.0.0.1:1/a.css><base href=http://127.0.0.1:1>'))"""


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
    write_cells(tmp_path / f"{name}.ipynb", f"{CELL}\nword: str = ''  # words", HOSTILE)
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
    assert re.findall(r"""<[^>]*\b(?:src|href|action)\s*=\s*(?!['"]?data:image/)""", page) == []
    assert "data:image/png;base64," in page
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


def test_a_grid_runs_no_function_that_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outsider.py").write_text("open('imported', 'w').close()\ndef network(num_classes): ...")
    text = f"title: a\nparameters: {{model: [NAME]}}\nnotebooks: [{PROJECT / 'notebooks' / '01_train'}]\n"
    for name in ("outsider:network", "code:interact", "os:abort", "a b:c"):
        (tmp_path / "grid.yaml").write_text(text.replace("NAME", f'"{name}"'))
        with pytest.raises(Mistakes, match=r"grid\.yaml:2: model: expected"):
            runs_of(read_grid(tmp_path / "grid.yaml"), tmp_path / "out")
        assert not (tmp_path / "imported").exists()
    monkeypatch.setenv("DNRLAB_TRUST", "other:network outsider:network")
    (tmp_path / "grid.yaml").write_text(text.replace("NAME", '"outsider:network"'))
    (run,) = runs_of(read_grid(tmp_path / "grid.yaml"), tmp_path / "out").runs
    assert "outsider:network" in environment(run, 1, "")["DNRLAB_TRUST"].split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: a\nnotebooks: " + "[" * 600 + "]" * 600, "recursion depth exceeded"),
        ("title: a\nnotebooks: " + "[" * 250 + "]" * 250, "recursion depth exceeded|too deep|a notebook as text"),
        ('title: "\\ud800"\nnotebooks: [a]', "surrogates"),
        ("title: a\nnotebooks: [" + "x" * 5000 + "]", "expected a notebook in"),
        ("title: a\nparameters: {seed: [" + ", ".join(map(str, range(20_000))) + "]}\nnotebooks: [first]", "at most"),
    ],
)
def test_grids_that_would_break_their_reader_are_refused(tmp_path, text, words):
    grid = write_grid(tmp_path, text, first="print(1)")
    with pytest.raises(ValueError, match=words):
        runs_of(read_grid(grid), tmp_path / "out")


@pytest.mark.parametrize(
    "cell", ["%time\nseed: int = 0", "seed: int = (", "seed: int = " + "-" * 5000 + "1", "x: int = \0"]
)
def test_a_cell_of_parameters_that_is_no_python_is_named(tmp_path, cell):
    write_cells(tmp_path / "first.ipynb", cell, "print(1)")
    grid = write_grid(tmp_path, "title: a\nnotebooks: [first]\n")
    with pytest.raises(Mistakes, match=r"grid\.yaml:2: .*expected plain Python in the cell tagged parameters"):
        runs_of(read_grid(grid), tmp_path / "out")


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": [1]}, {"parameters": "x"}, {"seconds": 10**400}, {"state": 3}, {"machine": None}, {"cell": "a"},
        [1], "x",
    ],
)  # fmt: skip
def test_a_damaged_state_counts_as_none(tmp_path, change):
    file = tmp_path / "first.state.json"
    file.write_text(json.dumps({"state": "done"} | change if isinstance(change, dict) else change))
    assert read_state(file).state == "waiting"
    file.write_text("[" * 100_000)
    assert read_state(file).state == "waiting"
