"""Carry out a grid: what is missing, failed or changed runs; the rest is left as it is."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from dnrlab.batch.chain import Here, Place, carry_out, visible_gpus
from dnrlab.batch.cluster import machines
from dnrlab.batch.gather import gather
from dnrlab.batch.grid import read_grid
from dnrlab.batch.index import Index, write_index
from dnrlab.batch.live import Progress
from dnrlab.batch.plan import Task, chosen, states_of, task_of
from dnrlab.batch.report import REPORT, write_report
from dnrlab.batch.run import RESULTS, Run
from dnrlab.batch.runs import runs_of
from dnrlab.batch.state import DONE, FAILED, State
from dnrlab.data.manifest import read_manifest
from dnrlab.data.synthetic.make import SETS
from dnrlab.files import atomic_write
from dnrlab.lock import locked

log = logging.getLogger("dnrlab")

SECONDS = 1.0  # between two looks at the runs
TOKEN = ".call"  # file with the name of the call that is at work
SOME = 3  # videos of a manifest that each worker must see


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How a grid is carried out.

    Raises: ValueError if workers is below 1.
    """

    workers: int = 2  # notebooks at a time on this machine; they divide its cores
    scheduler: str = ""  # a Dask scheduler, such as tcp://10.0.0.1:8786, whose workers take the place of this machine
    only: str = ""  # only runs whose names match, such as 'tsm*'
    failed: bool = False  # only runs that failed before

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"expected workers of at least 1, got {self.workers}; raise it")


def run_batch(grid_file: str | Path, out: str | Path, config: BatchConfig | None = None) -> dict[str, Any]:
    """Carry out a grid in the folder ``out``, then gather its results and write its report.

    Returns: runs (in the grid), ran, done and failed (numbers of runs), failures (run, notebook, cell, error), left
        (names of runs that should have run and are not done), results and report (files).

    Raises: ``Mistakes``, a ValueError, lists all that is wrong in the grid, before anything runs; ValueError if another
        batch is at work in ``out``, or no worker of a cluster can work. KeyboardInterrupt leaves a batch that goes on
        when it is called again.
    """
    config, out = config or BatchConfig(), Path(out)
    grid = read_grid(grid_file)
    runs = runs_of(grid, out, only=config.only)
    with locked(out, "batch"):
        index = Index(title=grid.title, grid=grid.file.read_text(encoding="utf-8"), runs=runs)
        write_index(out, index)
        tasks = [task_of(run) for run in chosen(runs.runs, config.only, config.failed)]
        todo = [task for task in tasks if task.reason]
        for task in todo:
            log.info(f"{task.run.name}: {task.reason}")
        log.info(f"{len(todo)} of {len(runs.runs)} runs have something to do")
        try:
            if todo:
                carry_out_all(tasks, config, out, alone=grid.alone)
        except (KeyboardInterrupt, SystemExit):  # the tables and the page show what has been done
            with suppress(ValueError, OSError):  # what ended the batch matters more
                gather(out, index)
                write_report(out)
            raise
        before = (out / RESULTS).read_bytes() if (out / RESULTS).is_file() else b""
        gather(out, index)
        ran = len(todo) + run_after(runs.after, runs.runs, config, out)
        if ran or (out / RESULTS).read_bytes() != before or not (out / REPORT).is_file():
            write_report(out)
    left = [task.run.name for task in todo if any(state.state != DONE for state in states_of(task.run))]
    return outcome(out, index, ran, left)


def run_after(after: Run | None, runs: Sequence[Run], config: BatchConfig, out: Path) -> int:
    """Run the notebooks that come after all others, once these are done. Returns 1 if there was something to do."""
    if after is None:
        return 0
    tasks = [task_of(run) for run in runs]
    if left := [task.run.name for task in tasks if task.reason]:
        log.info(f"{after.name} waits for {len(left)} of {len(tasks)} runs, such as {left[0]}")
        return 0
    task = task_of(after, [depends for each in tasks for depends in each.depends])
    if not task.reason:
        return 0
    log.info(f"{after.name}: {task.reason}")
    carry_out_all([task], config, out)
    return 1


def carry_out_all(tasks: Sequence[Task], config: BatchConfig, out: Path, *, alone: bool = False) -> None:
    """Carry out the runs that have something to do, several at a time, and show how far they have come.

    With ``alone`` one at a time. An error of a worker, such as one that dies again and again, is logged; its runs go on
    in a later call.
    """
    todo = [task for task in tasks if task.reason]
    files = sorted({str(path) for task in todo for path in files_of(task.run)})
    at_a_time = 1 if alone else min(config.workers, len(todo))
    with called(out) as (batch, token), machines(at_a_time, config.scheduler, token, batch, files) as where:
        place = Place(folder=str(Path.cwd()), batch=batch, token=str(token.resolve()), share=where.share)
        here = None if config.scheduler else Here.with_gpus(visible_gpus(), where.at_a_time)
        jobs = [joblib.delayed(carry_out)(task, place, here) for task in todo]
        parallel = joblib.Parallel(pre_dispatch="all")  # of the machines of this block

        def work() -> None:
            for part in [[job] for job in jobs] if alone else [jobs]:
                for obstacle in filter(None, parallel(part)):
                    log.error(obstacle)

        with Progress(tasks, batch, log.info) as progress:
            run_beside(work, progress.show, here)


@contextmanager
def called(out: Path) -> Iterator[tuple[str, Path]]:
    """Name this call of a batch. The name is in a file until the call ends: runs on other machines end with it."""
    batch, token = os.urandom(8).hex(), out / TOKEN
    with atomic_write(token) as unfinished:
        unfinished.write_text(batch, encoding="utf-8")
    try:
        yield batch, token
    finally:
        token.unlink(missing_ok=True)


def run_beside(work: Callable[[], object], look: Callable[[], None], here: Here | None) -> None:
    """Do the work in a thread and look at it meanwhile. An interrupt ends what runs here first."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded, name="dnrlab batch", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(SECONDS)
            look()
    except BaseException:
        if here is not None:
            here.stopping.set()
            thread.join(10 * SECONDS)
        raise
    for error in errors:
        if not isinstance(error, Exception):
            raise error
        log.error(f"a worker failed ({type(error).__name__}: {error}); call the batch again to go on")


def files_of(run: Run) -> list[Path]:
    """The files that each worker must see: notebooks, manifests, weights, and the first videos of each manifest."""
    names = [step.parameters.get(name, "") for step in run.steps for name in ("manifest", "root", "initial_weights")]
    files = [Path(name).expanduser() for name in names if name not in ("", "imagenet", *SETS)]
    tables = [file for file in files if file.suffix == ".csv" and file.is_file()]
    videos = [path for file in tables for path in read_manifest(file).rows["path"][:SOME]]
    return [*(step.notebook for step in run.steps), *files, *map(Path, videos)]


def outcome(out: Path, index: Index, ran: int, left: Sequence[str]) -> dict[str, Any]:
    """What ``run_batch`` returns."""
    failures = []
    done = 0
    for run in index.everything:
        states = states_of(run)
        named = zip(run.steps, states, strict=True)
        failures += [failed_row(run, step.name, state) for step, state in named if state.state == FAILED]
        done += all(state.state == DONE for state in states)
    return {
        "runs": len(index.everything),
        "ran": ran,
        "done": done,
        "failed": len({row["run"] for row in failures}),
        "failures": failures,
        "left": list(left),
        "results": str(out / RESULTS),
        "report": str(out / REPORT),
    }


def failed_row(run: Run, name: str, state: State) -> dict[str, Any]:
    """A failure in ``outcome``."""
    return {"run": run.name, "notebook": name, "cell": state.cell, "error": state.error}
