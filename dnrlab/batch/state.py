"""The state of a notebook in a batch: a small file beside the executed notebook."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dnrlab.batch.code import code_digests, digest, notebook_digest, own_digest
from dnrlab.batch.run import Run, Step
from dnrlab.files import atomic_write
from dnrlab.recipes.typed import typed

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
STATE, LOG, EXECUTED = ".state.json", ".log", ".ipynb"  # endings of the files of a notebook
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
    batch: str = ""  # which call of the batch ran it
    seconds: float = 0.0  # of that call
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
    return run.folder / f"{step.name}{STATE}"


def log_file(run: Run, step: Step) -> Path:
    """The log of a notebook: each line it prints, with the time."""
    return run.folder / f"{step.name}{LOG}"


def executed_file(run: Run, step: Step) -> Path:
    """The executed notebook."""
    return run.folder / f"{step.name}{EXECUTED}"


def read_state(file: Path) -> State:
    """The state in a file; a waiting one if there is no file, or it is damaged."""
    try:
        return typed(State, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return State()


def write_state(file: Path, state: State) -> None:
    """Write the state to its file."""
    with atomic_write(file) as unfinished:
        unfinished.write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")


def depends_on(step: Step, before: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Digests of all that a notebook's result depends on, but for its parameters.

    ``before`` holds those of the notebooks that come before it.
    """
    code, figures = code_digests(step.notebook)
    earlier = [{name: value for name, value in each.items() if name != "figures"} for each in before]
    return {
        "notebook": notebook_digest(step.notebook),
        "code": digest([code, own_digest(str(step.parameters.get("model", "")))]),
        "manifest": digest([f"{file.name} {content_digest(file)}" for file in files_of(step)]),
        "before": digest([json.dumps(earlier, sort_keys=True)]),
        "figures": figures,
    }


def files_of(step: Step) -> list[Path]:
    """The files whose content a notebook's result depends on: manifest with classes and card, weights, results."""
    from dnrlab.data.manifest import beside  # not in the process of a notebook, which does without torch
    from dnrlab.runs.folder import WEIGHTS

    given = {name: Path(str(step.parameters.get(name) or "")).expanduser() for name in ("manifest", "results")}
    weights = Path(str(step.parameters.get("initial_weights") or "")).expanduser()
    manifest = given["manifest"]
    beside_it = [beside(manifest, name) for name in ("classes.txt", "card.json")] if manifest.is_file() else []
    return [*given.values(), *beside_it, weights / WEIGHTS if weights.is_dir() else weights]


def content_digest(file: Path) -> str:
    """Digest of a file's content; of its name where there is no such file, as for the synthetic set."""
    if not file.is_file():
        return digest([str(file)])
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def same_parameters(step: Step, state: State) -> bool:
    """Whether a state is of the parameters that a step has now."""
    now, before = parameters_now_and_before(step, state)
    return now == before


def parameters_now_and_before(step: Step, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of a step and of a state, with relative paths, see ``relative_paths``."""
    repeated = step.name != step.notebook.stem and "out_dir" in step.parameters  # then a folder deeper, see ``step_of``
    return relative_paths(step.parameters, 1 + repeated), relative_paths(state.parameters, 1 + repeated)


def relative_paths(parameters: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Parameters with paths relative to the folder of the batch, ``depth`` folders above that of the notebook.

    So a batch stands when it is moved, or its folder is spelled in another way.
    """
    folder = next((str(parameters[name]) for name in ("out_dir", "run_dir") if name in parameters), "")
    out = str(Path(folder).parents[depth - 1]) if folder else ""

    def relative(value: Any) -> Any:
        if isinstance(value, str):
            return "{out}" + value.removeprefix(out) if folder and value.startswith(f"{out}/") else value
        return [relative(each) for each in value] if isinstance(value, (list, tuple)) else value

    return {name: relative(value) for name, value in parameters.items()}


def why(step: Step, state: State, depends: Mapping[str, str]) -> str:
    """Why a notebook must run; empty if its result stands."""
    if state.state == WAITING:
        return "not run yet"
    now, before = parameters_now_and_before(step, state)
    different = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if different:
        words = [f"{name}, {before.get(name)!r} to {now.get(name)!r}" for name in different]
        return f"parameters changed: {'; '.join(words)}"
    changed = [name for name in depends if state.depends.get(name) != depends[name]]
    if changed:
        return CHANGED[changed[0]]
    if state.state == FAILED:
        return "failed before"
    return "stopped before, goes on" if state.state == RUNNING else ""


def starts_anew(reason: str) -> bool:
    """Whether what an earlier call left of a notebook must not be used again."""
    return "changed" in reason and reason != CHANGED["figures"]
