"""A Dask cluster: a real scheduler and two worker processes on this machine, one of them killed while it works."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dnrlab.batch.batch import BatchConfig, run_batch
from dnrlab.batch.code import package_digest
from tests.helpers.grids import write_grid
from tests.helpers.paths import PROJECT
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

RUNS = 4
WORK = (
    "import time\nopen(f'{run_dir}/begun.txt', 'a').write('x')\nfor step in range(20):\n    print('step', step)\n"
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


def test_every_run_finishes_once_though_a_worker_is_killed(cluster, tmp_path):
    address, workers = cluster
    text = f"title: a\nparameters: {{seed: {list(range(RUNS))}}}\nnotebooks: [work]\n"
    grid, out = write_grid(tmp_path, text, work=WORK), tmp_path / "out"
    command = [sys.executable, "-m", "dnrlab", "batch", str(grid), "--out", str(out), "--scheduler", address, "--json"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(list(out.glob("*/begun.txt"))) >= 2)
    workers[0].send_signal(signal.SIGKILL)
    result, messages = process.communicate(timeout=400)
    assert process.returncode == 0, messages
    assert json.loads(result)["done"] == RUNS
    ended = {file.parent.name: file.read_text() for file in out.glob("*/ended.txt")}
    assert ended == {f"seed{seed}": "x" for seed in range(RUNS)}  # each once
    begun = sorted(len(file.read_text()) for file in out.glob("*/begun.txt"))
    assert begun == [1] * (RUNS - 1) + [2]  # the one whose worker was killed
    assert not list(out.rglob("*.unfinished*"))


def test_a_worker_that_cannot_work_is_named_before_it_gets_work(cluster, tmp_path, caplog):
    """Two workers that can work, and one in a folder that has another package of this name."""
    address, _ = cluster
    other = tmp_path / "other"
    (other / "dnrlab" / "batch").mkdir(parents=True)
    for file in (other / "dnrlab" / "__init__.py", other / "dnrlab" / "batch" / "__init__.py"):
        file.write_text("")
    (other / "dnrlab" / "batch" / "code.py").write_text("def package_digest():\n    return 'older'\n")
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"]
    environment = os.environ | {"PYTHONPATH": str(other)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    older = subprocess.Popen(command, env=environment, cwd=other, **quiet)
    try:
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(3, timeout=240)
        grid = write_grid(tmp_path, "title: a\nparameters: {seed: [0, 1, 2]}\nnotebooks: [work]\n", work="print(1)")
        result = run_batch(grid, tmp_path / "out", BatchConfig(scheduler=address))
        assert (result["done"], result["left"]) == (3, [])
        named = [record.message for record in caplog.records if "gets no work" in record.message]
        assert len(named) == 1
        assert "has another version of dnrlab" in named[0]
    finally:
        older.kill()
        older.wait()


def test_what_keeps_a_worker_from_work_by_worked_examples(tmp_path):
    check = pytest.importorskip("dnrlab.batch.dask_worker", reason="dask is not installed (extra cluster)").CheckWorker
    (tmp_path / "token").write_text("call")
    facts = {"resource": "r", "folder": str(PROJECT), "token": str(tmp_path / "token"), "batch": "call"}
    assert check(**facts, files=[str(tmp_path)], code=package_digest()).obstacle() == ""
    missing = check(**facts, files=[str(tmp_path / "none.csv")], code="").obstacle()
    assert missing == f"lacks {tmp_path / 'none.csv'}; put the data where all machines see it"
    assert "another version" in check(**facts, files=[], code="other").obstacle()
    assert "does not see the folder" in check(**facts | {"batch": "other"}, files=[], code="").obstacle()
    assert "lacks the folder /nowhere" in check(**facts | {"folder": "/nowhere"}, files=[], code="").obstacle()


def test_a_call_that_is_stopped_stops_its_runs_on_the_cluster(cluster, tmp_path):
    address, _ = cluster
    grid = write_grid(tmp_path, "title: a\nnotebooks: [work]\n", work=WORK.replace("range(20)", "range(400)"))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "dnrlab", "batch", str(grid), "--out", str(out), "--scheduler", address]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = out / "run" / "work.log"
    wait_for(lambda: log.is_file() and "step 2" in log.read_text())
    process.send_signal(signal.SIGINT)
    process.wait(240)
    time.sleep(3)
    lines = log.read_text()
    time.sleep(3)
    assert log.read_text() == lines


def test_without_a_scheduler_it_says_what_to_do(tmp_path):
    pytest.importorskip("distributed", reason="dask is not installed (extra cluster)")
    grid = write_grid(tmp_path, "title: a\nnotebooks: [work]\n", work="print(1)")
    with pytest.raises(ValueError, match=r"expected a scheduler at tcp://127\.0\.0\.1:9"):
        run_batch(grid, tmp_path / "out", BatchConfig(scheduler="tcp://127.0.0.1:9"))
