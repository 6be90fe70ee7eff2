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
from dnrlab.batch.plan import Task, move_away
from dnrlab.batch.run import REPLACED, Run, Step
from dnrlab.batch.state import DONE, FAILED, State, now, read_state, starts_anew, state_file, write_state
from dnrlab.files import open_own
from dnrlab.lock import locked
from dnrlab.runs.folder import VIEW_SCORES
from dnrlab.trusted import VARIABLE

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_MAX_THREADS")
OUTPUT = "output.txt"  # what the process of a notebook writes beside its log
PATIENCE = 20.0  # seconds that a process of an earlier call may still hold the folder of a run


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where notebooks run, and for which call of the batch."""

    folder: str  # working directory
    batch: str  # names the call; what it has done is not done again
    token: str  # file that holds this name while the call goes on; without it the notebooks end
    share: Mapping[str, int]  # notebooks at a time by ``machine_key``; they divide its cores

    @property
    def threads(self) -> int:
        """Threads of each notebook on this machine. One that joined later is taken to share as the others do."""
        at_a_time = self.share.get(machine_key(), max(self.share.values(), default=1))
        return max(len(cores()) // at_a_time, 1)

    @property
    def is_over(self) -> bool:
        """Whether the call of the batch has ended, or another has begun."""
        try:
            return Path(self.token).read_text(encoding="utf-8") != self.batch
        except FileNotFoundError:
            return True
        except OSError:  # a file system that does not answer
            return False


class Here(NamedTuple):
    """What runs on this machine share: a wish to stop, and the GPUs that are free."""

    stopping: threading.Event  # once it is set, running notebooks are ended; they can go on in a later call
    gpus: "SimpleQueue[str]"  # names for CUDA_VISIBLE_DEVICES; an empty name leaves the choice to the notebook

    @classmethod
    def with_gpus(cls, gpus: Sequence[str], at_a_time: int) -> "Here":
        """GPUs for ``at_a_time`` runs: as many on each as needed. A single one is left to the notebooks."""
        free: SimpleQueue[str] = SimpleQueue()
        for number in range(at_a_time):
            free.put(gpus[number % len(gpus)] if len(gpus) > 1 else "")
        return cls(threading.Event(), free)


def visible_gpus() -> list[str]:
    """The names of the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` has them."""
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named[: torch.cuda.device_count()] or [str(number) for number in range(torch.cuda.device_count())]


def cores() -> Sequence[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)


def machine_key() -> str:
    """This machine, and which of its cores may be used: two jobs on one machine may have cores of their own."""
    return f"{platform.node()} {cores()}"


@cache
def machine() -> dict[str, Any]:
    """Where it runs, and with which versions: stored with the results."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {"host": platform.node(), **bench.machine(device), "dnrlab": dnrlab.__version__}


def carry_out(task: Task, place: Place, here: Here | None = None) -> str:
    """Execute the notebooks of a run that must run. After one that fails, those behind it wait.

    A call that takes over from a worker that died goes on where that one was.

    Args:
        here: what runs of this machine share; None on a cluster.

    Returns: what kept the run from being carried out, such as a folder that cannot be written; '' if nothing did.
    """
    if Path.cwd() != Path(place.folder):
        os.chdir(place.folder)
    gpu = here.gpus.get() if here else ""
    try:
        carry_out_steps(task, place, gpu, here.stopping if here else None)
    except (OSError, ValueError) as error:
        return f"{task.run.name}: {error}"
    finally:
        if here:
            here.gpus.put(gpu)
    return ""


def carry_out_steps(task: Task, place: Place, gpu: str, stopping: threading.Event | None) -> None:
    """The work of ``carry_out`` on one GPU."""
    run = task.run
    for position, (step, depends, reason) in enumerate(zip(run.steps, task.depends, task.reasons, strict=True)):
        state = read_state(state_file(run, step))
        begun = state.batch == place.batch
        if not reason or (begun and state.state == DONE):
            continue
        if place.is_over or (stopping is not None and stopping.is_set()):
            return
        if not begun:
            clear(task, position)
        run.folder.mkdir(parents=True, exist_ok=True)
        known = {"notebook": str(step.notebook), "parameters": dict(step.parameters), "depends": dict(depends)}
        known |= {"machine": machine() | {"threads": place.threads}, "batch": place.batch}
        job = {"folder": str(run.folder), "name": step.name, "parent": os.getpid(), "state": known}
        code = execute(job, run.folder, environment(task.run, place.threads, gpu), place, stopping)
        if place.is_over or (stopping is not None and stopping.is_set()):
            return
        state = read_state(state_file(run, step))
        if state.batch != place.batch or state.state not in (DONE, FAILED):
            state = died(task, step, known, code)
        if state.state != DONE:
            return


def environment(run: Run, threads: int, gpu: str) -> dict[str, str]:
    """The environment of a notebook's process. The networks of the run were found to be trusted with its grid."""
    own = {str(step.parameters.get("model", "")) for step in run.steps}
    trusted = " ".join([os.environ.get(VARIABLE, ""), *sorted(name for name in own if ":" in name)])
    gpus = {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}
    return {**os.environ, **dict.fromkeys(THREADS, str(threads)), VARIABLE: trusted, **gpus}


def clear(task: Task, position: int) -> None:
    """Put away what an earlier call left, if the notebook at ``position`` must start anew.

    Raises: ValueError if a process of an earlier call is still at work in the folder.
    """
    run, reason = task.run, task.reasons[position]
    if not starts_anew(reason) or not run.folder.is_dir():
        return
    with locked(run.folder, "run", patience=PATIENCE):
        if position == 0:
            move_away(run.folder, run.folder.parent / REPLACED)
            return
        for file in run.folder.glob(f"{VIEW_SCORES.removesuffix('.npy')}*"):  # scores by the code before
            file.unlink()


def execute(
    job: dict[str, Any], folder: Path, environment: dict[str, str], place: Place, stopping: threading.Event | None
) -> int:
    """Run the process of a notebook. Returns its exit code, negative for a signal."""
    with open_own(folder / OUTPUT, "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dnrlab.batch.worker"],
            stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        with process:
            process.stdin.write(json.dumps(job).encode())  # type: ignore[union-attr]
            process.stdin.close()  # type: ignore[union-attr]
            while True:
                try:
                    return process.wait(0.5)
                except subprocess.TimeoutExpired:
                    if place.is_over or (stopping is not None and stopping.is_set()):
                        process.terminate()


def died(task: Task, step: Step, known: Mapping[str, Any], code: int) -> State:
    """The state of a notebook whose process ended without one, such as for lack of memory. It is stored."""
    output = task.run.folder / OUTPUT
    last = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] if output.is_file() else []
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    hint = "it may have run out of memory; take fewer workers" if code == -9 else f"see {output}"
    how = ": ".join([how, *last])
    error = f"expected the notebook to end, got the end of its process ({how}); {hint}"
    state = State(**{**known, "state": FAILED, "started": now(), "error": error})
    write_state(state_file(task.run, step), state)
    return state
