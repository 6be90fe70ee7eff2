"""Progress of a batch: a table that redraws itself in a terminal, lines elsewhere."""

import re
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

from dnrlab.batch.plan import Task
from dnrlab.batch.run import Run
from dnrlab.batch.state import DONE, FAILED, RUNNING, WAITING, State, read_state, state_file
from dnrlab.text import duration

if TYPE_CHECKING:
    from rich.table import Table

MOST_ROWS = 20  # of the table in a terminal
LEFT = re.compile(r"\s{2,}(\S+ \w+ left)$")
TAIL = 4096  # bytes of a log that are read


class Row(NamedTuple):
    """A run as the table shows it."""

    name: str
    state: str
    step: str  # notebook, and the last line of its log
    left: str  # time that remains, as the log says
    seconds: float


def row_of(task: Task, batch: str) -> Row:
    """How far a run has come in this call of the batch."""
    run, seconds = task.run, 0.0
    for step, reason in zip(run.steps, task.reasons, strict=True):
        if not reason:
            continue
        state = read_state(state_file(run, step))
        if state.batch != batch:
            return Row(run.name, WAITING, step.name if seconds else "", "", seconds)
        if state.state == FAILED:
            return Row(run.name, FAILED, failure(step.name, state), "", seconds)
        if state.state == RUNNING:
            line = last_line(run, step.name, state.started)
            left = LEFT.search(line)
            return Row(run.name, RUNNING, f"{step.name}: {LEFT.sub('', line)}", left[1] if left else "", seconds)
        seconds += state.seconds
    return Row(run.name, DONE, "", "", seconds)


def failure(name: str, state: State) -> str:
    """Where and why a notebook failed, in one line."""
    where = f" cell {state.cell}" if state.cell else ""
    return f"{name}{where}: {(state.error.splitlines() or [''])[0]}"


def last_line(run: Run, name: str, since: str) -> str:
    """The last line of a notebook's log, without date and time; ``starting`` if it is older than ``since``."""
    file = run.folder / f"{name}.log"
    try:
        with file.open("rb") as stream:
            stream.seek(max(file.stat().st_size - TAIL, 0))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return "starting"
    return lines[-1].split(" ", 2)[-1] if lines and lines[-1] >= since else "starting"


class Progress:
    """Shows how far the runs of a batch have come: ``with Progress(tasks, "a", print) as progress: progress.show()``.

    Args:
        tasks: all of the batch, also those with nothing to do.
        batch: names this call.
        write: takes lines where there is no terminal.
    """

    def __init__(self, tasks: Sequence[Task], batch: str, write: Callable[[str], None]) -> None:
        self.tasks, self.batch, self.write = tasks, batch, write
        self.todo = {task.run.name for task in tasks if task.reason}
        self.rows: dict[str, Row] = {}
        self.start = time.monotonic()
        self.live = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self.live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def show(self) -> None:
        """Look at all runs that are not finished, and show what is new."""
        for task in self.tasks:
            old = self.rows.get(task.run.name)
            if old is not None and old.state in (DONE, FAILED):
                continue
            row = self.rows[task.run.name] = row_of(task, self.batch)
            if old is None or old.state != row.state or old.step.split(":")[0] != row.step.split(":")[0]:
                self.report(row, old)
        if self.live:
            self.live.update(self.table(), refresh=True)

    def report(self, row: Row, old: Row | None) -> None:
        """Write a line about a run that began, ended or went on with its next notebook."""
        if row.state == WAITING or (self.live and row.state == RUNNING) or (old is None and row.state != RUNNING):
            return
        done = sum(each.state in (DONE, FAILED) for each in self.rows.values())
        after = f" after {duration(row.seconds / 3600)}" if row.state == DONE else ""
        text = f"[{done} of {len(self.tasks)}] {row.name}: {row.state}{after}{f', {row.step}' if row.step else ''}"
        self.live.console.print(text, markup=False, highlight=False) if self.live else self.write(text)

    def left(self) -> str:
        """An estimate of the time until all runs have ended; empty before the first has."""
        ended = sum(row.state in (DONE, FAILED) and row.name in self.todo for row in self.rows.values())
        if not ended:
            return ""
        return f"about {duration((time.monotonic() - self.start) / ended * (len(self.todo) - ended) / 3600)} left"

    def table(self) -> "Table":
        """The table of a terminal: running runs first, then failed, waiting and finished ones."""
        from rich.table import Table

        order = (RUNNING, FAILED, WAITING, DONE)
        rows = sorted(self.rows.values(), key=lambda row: order.index(row.state))
        counts = [f"{sum(row.state == state for row in rows)} {state}" for state in order]
        table = Table(title=", ".join(filter(None, [*counts, self.left()])), title_justify="left")
        for name in ("run", "state", "step", "left"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        for row in rows[:MOST_ROWS]:
            table.add_row(*(escaped(text) for text in row[:4]))
        if len(rows) > MOST_ROWS:
            table.add_row(f"and {len(rows) - MOST_ROWS} more", "", "", "")
        return table


def escaped(text: str) -> str:
    """A text whose brackets are no markup, without control characters."""
    from rich.markup import escape

    return escape("".join(letter for letter in text if letter.isprintable()))
