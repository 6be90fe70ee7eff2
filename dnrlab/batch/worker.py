"""One notebook in a process of its own: ``python -m dnrlab.batch.worker``, with the job as JSON on standard input.

The process ends when the one that started it ends, and the notebook's kernel with it.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dnrlab.batch.execute import run_notebook
from dnrlab.batch.state import DONE, EXECUTED, FAILED, LOG, RUNNING, STATE, State, now, write_state
from dnrlab.files import atomic_write, open_own
from dnrlab.lock import locked
from dnrlab.parent import end_with_parent

PATIENCE = 20.0  # seconds that another process may still hold the folder
TRACE = 4000  # last characters of a notebook's error that are stored


def main() -> None:
    """Take the job, execute the notebook, and leave its state. Exit code 1 if it failed."""
    job = json.loads(sys.stdin.read())
    end_with_parent(job["parent"])
    state = execute(Path(job["folder"]), job["name"], State(state=RUNNING, started=now(), **job["state"]))
    sys.exit(0 if state.state == DONE else 1)


def execute(folder: Path, name: str, state: State) -> State:
    """Execute a notebook into ``folder``, with its log and its state, under ``name``. What fails is in the state."""
    notebook, file, log_file = Path(state.notebook), folder / f"{name}{STATE}", folder / f"{name}{LOG}"
    start = time.perf_counter()
    try:
        with locked(folder, "run", patience=PATIENCE), open_own(log_file, "a", encoding="utf-8", buffering=1) as log:
            write_state(file, state)
            log.write(f"{now()} begins\n")  # an earlier call's last line is not this one's
            with atomic_write(folder / f"{name}{EXECUTED}") as unfinished:
                try:
                    run_notebook(notebook, unfinished, dict(state.parameters), report=writer(log.write))
                    state = replace(state, state=DONE)
                except OSError:  # not the notebook's: its copy could not be written
                    raise
                except Exception as error:  # whatever a notebook raises
                    state = replace(state, state=FAILED, **description(error))
                    log.write(f"failed: {state.error}\n")
                if not unfinished.stat().st_size:  # no kernel started
                    shutil.copyfile(notebook, unfinished)
            state = replace(state, seconds=round(time.perf_counter() - start, 1))
            write_state(file, state)
    except (ValueError, OSError) as error:  # the folder is in use or cannot be written
        state = replace(state, state=FAILED, **description(error))
        print(state.error, file=sys.stderr)  # noqa: T201 (there is no state file to leave it in)
    return state


def writer(write: Callable[[str], object]) -> Callable[[str], None]:
    """A function that writes lines with the time before them."""

    def report(line: str) -> None:
        if line.strip():
            write(f"{now()} {line}\n")

    return report


def description(error: Exception) -> dict[str, Any]:
    """The cell where a notebook failed, counted from 1, its message and the end of its trace."""
    cell, name, value = (getattr(error, key, None) for key in ("exec_count", "ename", "evalue"))
    if name is None:
        return {"error": f"{type(error).__name__}: {error}"}
    trace = "\n".join(getattr(error, "traceback", []))[-TRACE:]
    return {"cell": int(cell or 0), "error": f"{name}: {value}", "trace": trace}


if __name__ == "__main__":
    main()
