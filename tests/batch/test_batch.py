"""A batch from its first call to the last: failures, what runs again and why, interrupts, two at once."""

import json
import signal
import subprocess
import sys

import pandas as pd
import pytest

from dnrlab.batch.batch import BatchConfig, run_batch
from dnrlab.batch.cells import read_cells
from dnrlab.batch.code import code_digests, notebook_digest
from dnrlab.batch.execute import parameters_of
from dnrlab.batch.state import read_state
from tests.helpers.grids import CELL, write_cells, write_grid
from tests.helpers.paths import PROJECT
from tests.helpers.waiting import processes_of, wait_for

TEXT = "title: A small batch\nparameters: {seed: [0, 1, 2]}\nnotebooks: [first, second]\n"
FIRST = "if seed == 1:\n    raise ValueError('seed one')\nprint('seed', seed)\nopen(f'{run_dir}/a.txt', 'a').write('x')"
SECOND = "print(open(f'{run_dir}/a.txt').read())"


def call(grid, out, **settings):
    _forget()
    return run_batch(grid, out, BatchConfig(**settings))


def _forget():
    """What a process remembers of notebooks: another call of the command is another process."""
    for remembered in (read_cells, parameters_of, notebook_digest, code_digests):
        remembered.cache_clear()


def lines(caplog):
    return [record.message for record in caplog.records]


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A grid and a batch in which one of three runs failed."""
    folder = tmp_path_factory.mktemp("batch")
    grid = write_grid(folder, TEXT, first=FIRST, second=SECOND)
    return grid, folder / "out", call(grid, folder / "out")


def test_a_failure_stays_with_its_run_and_is_listed_with_cell_and_message(failed):
    _, out, result = failed
    assert (result["runs"], result["ran"], result["done"], result["failed"]) == (3, 3, 2, 1)
    assert result["failures"] == [{"run": "seed1", "notebook": "first", "cell": 3, "error": "ValueError: seed one"}]
    assert {path.name for path in (out / "seed0").iterdir()} >= {
        "first.ipynb", "first.log", "first.state.json", "second.ipynb", "second.log", "second.state.json",
    }  # fmt: skip
    assert not (out / "seed1" / "second.ipynb").exists()
    assert (out / "seed0" / "first.log").read_text().endswith(" seed 0\n")
    table = pd.read_csv(out / "results.csv")
    assert table["state"].tolist() == ["done", "failed", "done"]
    assert table["seed"].tolist() == [0, 1, 2]
    assert table["error"][1] == "cell 3: ValueError: seed one"


def test_a_second_call_runs_only_what_failed_and_says_why(failed, caplog):
    grid, out, _ = failed
    caplog.set_level("INFO", "dnrlab")
    before = (out / "seed0" / "first.ipynb").read_bytes()
    result = call(grid, out)
    assert (result["ran"], result["failed"]) == (1, 1)
    assert "seed1: first: failed before" in lines(caplog)
    assert (out / "seed0" / "first.ipynb").read_bytes() == before
    assert call(grid, out, failed=True)["ran"] == 1
    assert call(grid, out, only="seed2")["ran"] == 0
    with pytest.raises(
        ValueError, match="expected a pattern that matches some run, got 'x'; the runs are seed0, seed1"
    ):
        call(grid, out, only="x")


def test_what_changed_runs_anew_and_the_old_is_set_aside(tmp_path, caplog):
    caplog.set_level("INFO", "dnrlab")
    grid = write_grid(tmp_path, TEXT.replace("[0, 1, 2]", "[0, 2]"), first=FIRST, second=SECOND)
    out = tmp_path / "out"
    assert call(grid, out)["done"] == 2
    assert call(grid, out)["ran"] == 0
    write_cells(tmp_path / "second.ipynb", CELL, SECOND + "\nprint('more')")
    assert call(grid, out)["ran"] == 2
    assert "seed0: second: notebook changed" in lines(caplog)
    assert (out / "seed0" / "a.txt").read_text() == "x"  # the first notebook stood
    write_cells(tmp_path / "first.ipynb", CELL, FIRST + "\nprint('more')")
    assert call(grid, out)["ran"] == 2
    assert "seed2: first: notebook changed" in lines(caplog)
    assert (out / "seed0" / "a.txt").read_text() == "x"
    assert (out / "replaced" / "seed0_1" / "first.ipynb").is_file()


def test_parameters_and_files_that_changed_run_anew_and_another_spelling_of_the_folder_does_not(
    tmp_path, caplog, monkeypatch
):
    caplog.set_level("INFO", "dnrlab")
    cell = CELL + '\nmanifest: str = "synthetic"  # videos\nepochs: int = 1  # epochs'
    write_cells(tmp_path / "read.ipynb", cell, "print(open(manifest).read())")
    (tmp_path / "a.csv").write_text("path,label\n")
    text = f"title: a\nparameters: {{epochs: 1, manifest: {tmp_path / 'a.csv'}}}\nnotebooks: [read]\n"
    grid, out = write_grid(tmp_path, text), tmp_path / "out"
    assert call(grid, out)["done"] == 1
    monkeypatch.chdir(tmp_path)
    assert call(grid, "out")["ran"] == 0
    out.rename(tmp_path / "moved")
    assert call(grid, tmp_path / "moved")["ran"] == 0
    grid.write_text(text.replace("epochs: 1", "epochs: 2"))
    assert call(grid, tmp_path / "moved")["ran"] == 1
    assert "run: read: parameters changed: epochs, 1 to 2" in lines(caplog)
    (tmp_path / "a.csv").write_text("path,label\na.mp4,b\n")
    assert call(grid, tmp_path / "moved")["ran"] == 1
    assert "run: read: manifest changed" in lines(caplog)


def test_a_notebook_that_comes_twice_after_all_runs_stands_when_the_batch_is_moved(tmp_path):
    cell = "run_dir: str = 'a'  # run\nout_dir: str = ''  # figures"
    text = "title: a\nparameters: {seed: [0]}\nnotebooks: [first]\nafter:\n"
    text += "  - draw: {run_dir: '{out}/seed0'}\n" * 2
    write_cells(tmp_path / "draw.ipynb", cell, "import os\nos.makedirs(out_dir, exist_ok=True)")
    grid, out = write_grid(tmp_path, text, first="print(seed)"), tmp_path / "out"
    call(grid, out)
    assert (out / "after" / "draw_2").is_dir()
    out.rename(tmp_path / "moved")
    assert call(grid, tmp_path / "moved")["ran"] == 0


def test_results_of_other_parameters_are_not_shown_and_a_failure_is_found_again(tmp_path, caplog):
    """After a change of the first notebook's parameters, what the second one found does not count."""
    text = "title: a\nparameters: {seed: [0, 1]}\nnotebooks:\n  - first: {word: WORD}\n  - second\n"
    write_cells(tmp_path / "first.ipynb", f"{CELL}\nword: str = ''  # word", "assert word != 'bad', word")
    grid = write_grid(tmp_path, text.replace("WORD", "bad"), second="open(f'{run_dir}/b.txt', 'w').write('x')")
    out = tmp_path / "out"
    assert call(grid, out)["failed"] == 2
    grid.write_text(text.replace("WORD", "good"))
    assert call(grid, out, failed=True)["done"] == 2
    grid.write_text(text.replace("WORD", "better"))
    assert call(grid, out, only="seed1")["done"] == 1
    table = pd.read_csv(out / "results.csv").set_index("run")
    assert table["state"].to_dict() == {"seed0": "waiting", "seed1": "done"}


def test_a_process_that_dies_is_a_failure_and_a_folder_that_is_a_file_stops_only_its_run(tmp_path, caplog):
    die = "import os, signal, time\nif seed == 0:\n    parent = os.getppid()\n    os.kill(parent, signal.SIGKILL)\n"
    die += "    time.sleep(30)"
    grid = write_grid(tmp_path, "title: a\nparameters: {seed: [0, 1, 2]}\nnotebooks: [die]\n", die=die)
    out = tmp_path / "out"
    out.mkdir()
    (out / "seed1").write_text("a file")
    result = call(grid, out)
    assert (result["done"], result["failed"], result["left"]) == (1, 1, ["seed0", "seed1"])
    assert "got the end of its process (signal 9" in result["failures"][0]["error"]
    assert any(message.startswith("seed1: ") for message in lines(caplog))


def test_a_notebook_after_all_others_waits_for_them(tmp_path):
    text = TEXT.replace("[first, second]", "[first]") + "after: [draw]\n"
    draw = "import pandas as pd\nprint(len(pd.read_csv(f'{run_dir}/../results.csv')))"
    grid = write_grid(tmp_path, text, first=FIRST, draw=draw)
    out = tmp_path / "out"
    assert call(grid, out)["runs"] == 4
    assert not (out / "after").exists()
    write_cells(tmp_path / "first.ipynb", CELL, FIRST.replace("seed == 1", "seed == 9"))
    result = call(grid, out)
    assert (result["done"], result["failed"]) == (4, 0)
    assert (out / "after" / "draw.log").read_text().endswith(" 3\n")
    assert call(grid, out)["ran"] == 0


def start(grid, out, *words):
    command = [sys.executable, "-m", "dnrlab", "batch", str(grid), "--out", str(out), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT)


SLOW = "import time\nfor step in range(400):\n    print('step', step)\n    time.sleep(0.5)"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_two_batches_on_one_folder_an_interrupt_and_a_kill(tmp_path, monkeypatch):
    """The second is refused; an interrupted one ends its notebooks; a killed one too, and the next call goes on."""
    monkeypatch.setenv("MARK", str(tmp_path))
    grid = write_grid(tmp_path, "title: a\nparameters: {seed: [0, 1]}\nnotebooks: [slow]\n", slow=SLOW)
    out = tmp_path / "out"
    log = out / "seed0" / "slow.log"
    first = start(grid, out)
    wait_for(lambda: log.is_file() and "step 0" in log.read_text())
    second = start(grid, out)
    assert "for this batch alone, got process" in second.communicate()[0]
    assert second.returncode == 1
    first.send_signal(signal.SIGINT)
    assert "go on when called again" in first.communicate(timeout=240)[0]
    assert first.returncode == 130
    wait_for(lambda: not processes_of(tmp_path))
    assert read_state(out / "seed0" / "slow.state.json").state == "running"
    third = start(grid, out)
    wait_for(lambda: "step 0" in log.read_text().split("step", 2)[-1] and log.read_text().count("step 0") == 2)
    third.kill()
    third.communicate()
    wait_for(lambda: not processes_of(tmp_path))
    write_cells(tmp_path / "slow.ipynb", CELL, SLOW.replace("range(400)", "range(1)"))
    fourth = start(grid, out, "--json")
    text, _ = fourth.communicate(timeout=240)
    assert fourth.returncode == 0
    assert json.loads(text[text.index("{") :])["done"] == 2
