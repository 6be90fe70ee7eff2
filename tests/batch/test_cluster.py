"""A Dask cluster: a real scheduler and two worker processes on this machine, one of them killed while it works."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dnrlab.batch.batch import BatchConfig, run_batch
from tests.helpers.grids import write_grid
from tests.helpers.paths import PROJECT

pytestmark = pytest.mark.slow

RUNS = 6
WORK = (
    "import time\nopen(f'{run_dir}/begun.txt', 'a').write('x')\nfor step in range(8):\n    print('step', step)\n"
    "    time.sleep(0.5)\nopen(f'{run_dir}/ended.txt', 'a').write('x')"
)


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its workers' processes."""
    pytest.importorskip("distributed", reason="dask is not installed (extra cluster)")
    file = tmp_path / "scheduler.json"
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}

    def start(*words):
        command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:], "--scheduler-file", str(file)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    scheduler = start("dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")
    wait_for(file.is_file)
    workers = [start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)]
    try:
        yield json.loads(file.read_text())["address"], workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def wait_for(check, seconds=60):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_every_run_finishes_once_though_a_worker_is_killed(cluster, tmp_path, monkeypatch):
    address, workers = cluster
    text = f"title: a\nparameters: {{seed: {list(range(RUNS))}}}\nnotebooks: [work]\n"
    grid, out = write_grid(tmp_path, text, work=WORK), tmp_path / "out"
    command = [sys.executable, "-m", "dnrlab", "batch", str(grid), "--out", str(out), "--scheduler", address, "--json"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(list(out.glob("*/begun.txt"))) >= 2)
    workers[0].send_signal(signal.SIGKILL)
    result, messages = process.communicate(timeout=240)
    assert process.returncode == 0, messages
    assert json.loads(result)["done"] == RUNS
    ended = {file.parent.name: file.read_text() for file in out.glob("*/ended.txt")}
    assert ended == {f"seed{seed}": "x" for seed in range(RUNS)}  # each once
    begun = sorted(len(file.read_text()) for file in out.glob("*/begun.txt"))
    assert begun == [1] * (RUNS - 1) + [2]  # the one whose worker was killed
    assert not list(out.rglob("*.unfinished*"))


def test_a_worker_that_cannot_work_is_named_before_it_gets_work(cluster, tmp_path, monkeypatch):
    address, _ = cluster
    grid = write_grid(tmp_path, "title: a\nnotebooks: [work]\n", work="print(1)")
    monkeypatch.setattr("dnrlab.batch.cluster.package_digest", lambda: "another")
    with pytest.raises(ValueError, match=r"got none: worker tcp://\S+ has another version of dnrlab; install the same"):
        run_batch(grid, tmp_path / "out", BatchConfig(scheduler=address))
    assert not (tmp_path / "out" / "run").exists()


def test_what_hinders_a_worker_by_worked_examples(tmp_path):
    look = pytest.importorskip("dnrlab.batch.dask_worker", reason="dask is not installed (extra cluster)").look
    hindrance = pytest.importorskip("dnrlab.batch.dask_worker").hindrance
    (tmp_path / "token").write_text("secret")
    facts = look(str(Path.cwd()), str(tmp_path / "token"), [str(tmp_path / "none.csv"), str(tmp_path)])
    assert facts["missing"] == [str(tmp_path / "none.csv")]
    assert hindrance(facts, "secret", facts["code"]).startswith(f"lacks {tmp_path / 'none.csv'}; put the data")
    whole = facts | {"missing": []}
    assert hindrance(whole, "secret", facts["code"]) == ""
    assert "does not see the folder" in hindrance(whole, "other", facts["code"])
    assert "another version" in hindrance(whole, "secret", "other")
    assert "lacks /nowhere" in hindrance(look("/nowhere", "a", []), "secret", "code")


def test_without_a_scheduler_it_says_what_to_do(tmp_path):
    pytest.importorskip("distributed", reason="dask is not installed (extra cluster)")
    grid = write_grid(tmp_path, "title: a\nnotebooks: [work]\n", work="print(1)")
    with pytest.raises(ValueError, match=r"expected a scheduler at tcp://127\.0\.0\.1:9"):
        run_batch(grid, tmp_path / "out", BatchConfig(scheduler="tcp://127.0.0.1:9"))
