"""The state of a notebook in a batch: a small file beside the executed notebook."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dnrlab.batch.code import code_digests, digest, notebook_digest
from dnrlab.batch.run import Run, Step
from dnrlab.files import atomic_write

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
ENDING = ".state.json"
CHANGED = {  # why a notebook runs again, by what it depends on
    "notebook": "notebook changed",
    "code": "code changed",
    "manifest": "manifest changed",
    "before": "a notebook before it changed",
    "figures": "code of figures changed",
}


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a notebook of a run has come.

    ``depends`` holds digests of all that its result depends on: notebook, code, files and the notebooks before it.
    """

    state: str = WAITING
    notebook: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    depends: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    started: str = ""  # date and time
    machine: Mapping[str, Any] = field(default_factory=dict)  # processor, cores, versions
    cell: int = 0  # where it failed, counted from 1; 0: in no cell
    error: str = ""
    trace: str = ""


def now() -> str:
    """Date and time, without parts of seconds."""
    return datetime.now().isoformat(" ", timespec="seconds")


def state_file(run: Run, step: Step) -> Path:
    """The file of a notebook's state."""
    return run.folder / f"{step.name}{ENDING}"


def log_file(run: Run, step: Step) -> Path:
    """The log of a notebook: each line it prints, with the time."""
    return run.folder / f"{step.name}.log"


def executed_file(run: Run, step: Step) -> Path:
    """The executed notebook."""
    return run.folder / f"{step.name}.ipynb"


def read_state(file: Path) -> State:
    """The state in a file; a waiting one if there is no file, or it is damaged."""
    try:
        return State(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return State()


def write_state(file: Path, state: State) -> None:
    """Write the state to its file."""
    with atomic_write(file) as unfinished:
        unfinished.write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")


def depends_on(step: Step, before: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Digests of all that a notebook's result depends on.

    ``before`` holds those of the notebooks that come before it.
    """
    files = [str(step.parameters[name]) for name in ("manifest", "results") if step.parameters.get(name)]
    code, figures = code_digests(step.notebook)
    earlier = [{name: value for name, value in each.items() if name != "figures"} for each in before]
    return {
        "notebook": notebook_digest(step.notebook),
        "code": code,
        "manifest": digest([content_digest(file) for file in files]),
        "before": digest([json.dumps(earlier, sort_keys=True)]),
        "figures": figures,
    }


def content_digest(name: str) -> str:
    """Digest of a file's content; of its name where there is no such file, as for the synthetic set."""
    file = Path(name).expanduser()
    return hashlib.sha256(file.read_bytes() if file.is_file() else name.encode()).hexdigest()


def why(step: Step, state: State, depends: Mapping[str, str]) -> str:
    """Why a notebook must run; empty if its result stands."""
    if state.state == WAITING:
        return "not run yet"
    changed = [name for name in depends if state.depends.get(name) != depends[name]]
    different = [
        f"{name} {state.parameters.get(name)!r} is now {step.parameters.get(name)!r}"
        for name in {**step.parameters, **state.parameters}
        if state.parameters.get(name) != step.parameters.get(name)
    ]
    if different:
        return f"parameters changed: {', '.join(different)}"
    if changed:
        return CHANGED[changed[0]]
    if state.state == FAILED:
        return "failed before"
    return "stopped before, goes on" if state.state == RUNNING else ""


def starts_anew(reason: str) -> bool:
    """Whether what an earlier call left of a notebook must not be used again."""
    return "changed" in reason and reason != CHANGED["figures"]
