"""What a batch has to do: which notebooks of which runs, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnrlab.batch.run import Run, Step, matches
from dnrlab.batch.state import (
    DONE,
    FAILED,
    State,
    depends_on,
    executed_file,
    read_state,
    same_parameters,
    state_file,
    why,
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run, and for each of its notebooks what its result depends on, and why it must run ('' if it need not)."""

    run: Run
    depends: tuple[Mapping[str, str], ...]
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why it has something to do; '' if it has not."""
        return next((f"{step.name}: {reason}" for step, reason in self.todo), "")

    @property
    def todo(self) -> list[tuple[Step, str]]:
        """The notebooks that must run, and why."""
        return [(step, reason) for step, reason in zip(self.run.steps, self.reasons, strict=True) if reason]


def task_of(run: Run, before: Sequence[Mapping[str, str]] = ()) -> Task:
    """What a run has to do. Its notebooks also depend on what ``before`` depends on."""
    depends: list[Mapping[str, str]] = []
    reasons: list[str] = []
    for step in run.steps:
        own = depends_on(step, [*before, *depends])
        state = read_state(state_file(run, step))
        reason = why(step, state, own)
        if not reason and not executed_file(run, step).is_file():
            reason = "its executed notebook is missing"
        if not reason and any(reasons):
            reason = "a notebook before it runs"
        depends.append(own)
        reasons.append(reason)
    return Task(run=run, depends=tuple(depends), reasons=tuple(reasons))


def states_of(run: Run) -> list[State]:
    """The states of a run's notebooks. What was run with other parameters, or before them, counts as not run yet."""
    states: list[State] = []
    for step in run.steps:
        state = read_state(state_file(run, step))
        stands = same_parameters(step, state) and all(each.state == DONE for each in states)
        states.append(state if stands else State())
    return states


def chosen(runs: Sequence[Run], only: str = "", failed: bool = False) -> list[Run]:
    """The runs whose names match a pattern such as ``tsm*``, and with ``failed`` those that failed.

    Raises: ValueError if no name matches.
    """
    matching = [run for run in runs if matches(run, only)]
    if not matching:
        names = ", ".join(run.name for run in runs[:5])
        raise ValueError(f"expected a pattern that matches some run, got {only!r}; the runs are {names} …")
    return [run for run in matching if not failed or has_failed(run)]


def has_failed(run: Run) -> bool:
    """Whether a notebook of a run failed when it ran last, also with other parameters than now."""
    return any(read_state(state_file(run, step)).state == FAILED for step in run.steps)


def move_away(folder: Path, replaced: Path) -> Path:
    """Move a run's folder away before the run starts anew. Nothing is removed. Returns the new place."""
    number = 1
    while (place := replaced / f"{folder.name}_{number}").exists():
        number += 1
    replaced.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    return place
