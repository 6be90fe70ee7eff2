"""Carry out a grid: what is missing, failed or changed runs; the rest stands."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import torch

from dnrlab.batch.chain import Here, Place, carry_out
from dnrlab.batch.cluster import machines
from dnrlab.batch.gather import gather
from dnrlab.batch.grid import read_grid
from dnrlab.batch.index import Index, write_index
from dnrlab.batch.live import Progress
from dnrlab.batch.plan import Task, chosen, task_of
from dnrlab.batch.report import REPORT, write_report
from dnrlab.batch.run import RESULTS, Run
from dnrlab.batch.runs import runs_of
from dnrlab.batch.state import DONE, FAILED, State, now, read_state, state_file
from dnrlab.lock import locked

log = logging.getLogger("dnrlab")

SECONDS = 1.0  # between two looks at the runs


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

    Returns: runs (in the grid), ran, done and failed (numbers of runs), failures (run, notebook, cell, error),
        results and report (files).

    Raises: ``Mistakes``, a ValueError, lists all that is wrong in the grid, before anything runs; ValueError if another
        batch is at work in ``out``, or no worker of a cluster can work. KeyboardInterrupt leaves a batch that goes on
        when it is called again.
    """
    config, out = config or BatchConfig(), Path(out)
    grid = read_grid(grid_file)
    config = replace(config, workers=1) if grid.alone else config
    runs = runs_of(grid, out)
    with locked(out, "batch"):
        index = Index(title=grid.title, grid=grid.file.read_text(encoding="utf-8"), runs=runs)
        write_index(out, index)
        todo = [task for task in map(task_of, chosen(runs.runs, config.only, config.failed)) if task.reason]
        for task in todo:
            log.info(f"{task.run.name}: {task.reason}")
        log.info(f"{len(todo)} of {len(runs.runs)} runs have something to do")
        if todo:
            carry_out_all(todo, config, out)
        tables = gather(out, index) if todo or not (out / RESULTS).is_file() else None
        ran = len(todo)
        ran += run_after(runs.after, runs.runs, config, out)
        if ran or tables is not None or not (out / REPORT).is_file():
            write_report(out)
    return outcome(out, index, ran)


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


def carry_out_all(tasks: Sequence[Task], config: BatchConfig, out: Path) -> None:
    """Carry out some runs, several at a time, and show how far they have come."""
    files = sorted({str(path) for task in tasks for path in files_of(task.run)})
    with machines(min(config.workers, len(tasks)), config.scheduler, out, files) as where:
        place = Place(folder=str(Path.cwd()), since=now(), share=where.share)
        here = None if config.scheduler else Here.with_gpus(torch.cuda.device_count(), where.at_a_time)
        jobs = [joblib.delayed(carry_out)(task, place, here) for task in tasks]
        parallel = joblib.Parallel(pre_dispatch="all")  # of the machines of this block
        with Progress(tasks, log.info) as progress:
            run_beside(lambda: parallel(jobs), progress.show, here)


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
    if errors:
        raise errors[0]


def files_of(run: Run) -> list[Path]:
    """The files that each worker must see: notebooks and manifests."""
    named = [step.parameters.get("manifest", "") for step in run.steps]
    return [step.notebook for step in run.steps] + [Path(name) for name in named if name not in ("", "synthetic")]


def outcome(out: Path, index: Index, ran: int) -> dict[str, Any]:
    """What ``run_batch`` returns."""
    failures = []
    done = 0
    for run in index.everything:
        states = {step.name: read_state(state_file(run, step)) for step in run.steps}
        failures += [failed_row(run, name, state) for name, state in states.items() if state.state == FAILED]
        done += all(state.state == DONE for state in states.values())
    return {
        "runs": len(index.everything),
        "ran": ran,
        "done": done,
        "failed": len({row["run"] for row in failures}),
        "failures": failures,
        "results": str(out / RESULTS),
        "report": str(out / REPORT),
    }


def failed_row(run: Run, name: str, state: State) -> dict[str, Any]:
    """A failure in ``outcome``."""
    return {"run": run.name, "notebook": name, "cell": state.cell, "error": state.error}
