"""Carry out a run: its notebooks one after the other, each in a process of its own."""

import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import torch

import dnrlab
from dnrlab import bench
from dnrlab.batch.plan import Task, aside
from dnrlab.batch.run import Step
from dnrlab.batch.state import DONE, FAILED, State, now, read_state, starts_anew, state_file, write_state
from dnrlab.files import open_own
from dnrlab.runs.folder import VIEW_SCORES

REPLACED = "replaced"  # folder of run folders that started anew
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
OUTPUT = "output.txt"  # what the process of a notebook writes beside its log


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and when notebooks run."""

    folder: str  # working directory
    since: str  # date and time of the batch; what was done after it is not done again
    share: Mapping[str, int]  # notebooks at a time by machine; they divide its cores

    @property
    def threads(self) -> int:
        """Threads of each notebook on this machine."""
        return max(len(cores()) // self.share.get(platform.node(), 1), 1)


class Here(NamedTuple):
    """What runs on this machine share: a wish to stop, and the GPUs that are free."""

    stopping: threading.Event  # once it is set, running notebooks are ended; they can go on in a later call
    gpus: "SimpleQueue[str]"  # names for CUDA_VISIBLE_DEVICES; an empty name leaves the choice to the notebook

    @classmethod
    def with_gpus(cls, gpus: int, at_a_time: int) -> "Here":
        """GPUs for ``at_a_time`` runs: as many on each as needed. A single one is left to the notebooks."""
        free: SimpleQueue[str] = SimpleQueue()
        for number in range(at_a_time):
            free.put(str(number % gpus) if gpus > 1 else "")
        return cls(threading.Event(), free)


def cores() -> Sequence[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


@cache
def machine() -> dict[str, Any]:
    """Where it runs, and with which versions: stored with the results."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {"host": platform.node(), **bench.machine(device), "dnrlab": dnrlab.__version__}


def carry_out(task: Task, place: Place, here: Here | None = None) -> list[State]:
    """Execute the notebooks of a run that must run. After one that fails, those behind it wait.

    A call that takes over from a worker that died goes on where that one was.

    Args:
        here: what runs of this machine share; None on a cluster.

    Returns: the states of the notebooks.
    """
    if Path.cwd() != Path(place.folder):
        os.chdir(place.folder)
    gpu = here.gpus.get() if here else ""
    try:
        return carry_out_steps(task, place, gpu, here.stopping if here else None)
    finally:
        if here:
            here.gpus.put(gpu)


def carry_out_steps(task: Task, place: Place, gpu: str, stopping: threading.Event | None) -> list[State]:
    """The work of ``carry_out`` on one GPU."""
    run, states = task.run, []
    for position, (step, depends, reason) in enumerate(zip(run.steps, task.depends, task.reasons, strict=True)):
        state = read_state(state_file(run, step))
        begun = state.depends == depends and state.started >= place.since
        if not reason or (begun and state.state == DONE):
            states.append(state)
            continue
        if stopping is not None and stopping.is_set():
            break
        if not begun:
            clear(task, position)
        run.folder.mkdir(parents=True, exist_ok=True)
        known = {"notebook": str(step.notebook), "parameters": dict(step.parameters), "depends": dict(depends)}
        known["machine"] = machine() | {"threads": place.threads}
        job = {"folder": str(run.folder), "parent": os.getpid(), "state": known}
        code = execute(job, run.folder, environment(place.threads, gpu), stopping)
        state = read_state(state_file(run, step))
        ended = state.state in (DONE, FAILED) and state.started >= place.since
        if not ended and not (stopping is not None and stopping.is_set()):
            state = died(task, step, code)
        states.append(state)
        if state.state != DONE:
            break
    return states


def environment(threads: int, gpu: str) -> dict[str, str]:
    """The environment of a notebook's process."""
    return {**os.environ, **dict.fromkeys(THREADS, str(threads)), **({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})}


def clear(task: Task, position: int) -> None:
    """Put aside what an earlier call left, if the notebook at ``position`` must start anew."""
    run, reason = task.run, task.reasons[position]
    if not starts_anew(reason) or not run.folder.is_dir():
        return
    if position == 0:
        aside(run.folder, run.folder.parent / REPLACED)
        return
    for file in run.folder.glob(f"{VIEW_SCORES.removesuffix('.npy')}*"):  # scores by the code before
        file.unlink()


def execute(job: dict[str, Any], folder: Path, environment: dict[str, str], stopping: threading.Event | None) -> int:
    """Run the process of a notebook. Returns its exit code, negative for a signal."""
    with open_own(folder / OUTPUT, "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dnrlab.batch.worker"],
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        with process:
            process.stdin.write(json.dumps(job).encode())  # type: ignore[union-attr]
            process.stdin.close()  # type: ignore[union-attr]
            return wait(process, stopping)


def wait(process: "subprocess.Popen[bytes]", stopping: threading.Event | None) -> int:
    """Wait for a process; end it when ``stopping`` is set."""
    while True:
        try:
            return process.wait(0.5)
        except subprocess.TimeoutExpired:
            if stopping is not None and stopping.is_set():
                process.terminate()


def died(task: Task, step: Step, code: int) -> State:
    """The state of a notebook whose process ended without one, such as for lack of memory. It is stored."""
    file = state_file(task.run, step)
    output = task.run.folder / OUTPUT
    last = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] if output.is_file() else []
    why = f"signal {-code}" if code < 0 else f"exit code {code}"
    hint = "; it may have run out of memory" if code == -9 else ""
    state = State(
        state=FAILED,
        notebook=str(step.notebook),
        parameters=dict(step.parameters),
        depends=dict(task.depends[task.run.steps.index(step)]),
        started=now(),
        error=f"its process died ({why}){hint}" + (f": {last[0]}" if last else ""),
    )
    write_state(file, state)
    return state
