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


def row_of(task: Task) -> Row:
    """How far a run has come."""
    run, seconds = task.run, 0.0
    for step, depends in zip(run.steps, task.depends, strict=True):
        state = read_state(state_file(run, step))
        current = state.depends == depends
        if current and state.state == DONE:
            seconds += state.seconds
            continue
        if current and state.state == FAILED:
            return Row(run.name, FAILED, failure(step.name, state), "", seconds)
        if current and state.state == RUNNING:
            line = last_line(run, step.name)
            left = LEFT.search(line)
            return Row(run.name, RUNNING, f"{step.name}: {LEFT.sub('', line)}", left[1] if left else "", seconds)
        return Row(run.name, WAITING, step.name if seconds else "", "", seconds)
    return Row(run.name, DONE, "", "", seconds)


def failure(name: str, state: State) -> str:
    """Where and why a notebook failed, in one line."""
    where = f" cell {state.cell}" if state.cell else ""
    return f"{name}{where}: {(state.error.splitlines() or [''])[0]}"


def last_line(run: Run, name: str) -> str:
    """The last line of a notebook's log, without date and time."""
    file = run.folder / f"{name}.log"
    try:
        with file.open("rb") as stream:
            stream.seek(max(file.stat().st_size - TAIL, 0))
            lines = stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1].split(" ", 2)[-1] if lines else ""


class Progress:
    """Shows how far the runs of a batch have come: ``with Progress(tasks, print) as progress: progress.show()``.

    Args:
        tasks: those with something to do.
        write: takes lines where there is no terminal.
    """

    def __init__(self, tasks: Sequence[Task], write: Callable[[str], None]) -> None:
        self.tasks, self.write = tasks, write
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
            row = self.rows[task.run.name] = row_of(task)
            if old is None or old.state != row.state or old.step.split(":")[0] != row.step.split(":")[0]:
                self.tell(row, old)
        if self.live:
            self.live.update(self.table(), refresh=True)

    def tell(self, row: Row, old: Row | None) -> None:
        """Write a line about a run that began, ended or went on with its next notebook."""
        if row.state == WAITING or (self.live and row.state == RUNNING) or (old is None and row.state != RUNNING):
            return
        done = sum(each.state in (DONE, FAILED) for each in self.rows.values())
        after = f" after {duration(row.seconds / 3600)}" if row.state == DONE else ""
        text = f"[{done} of {len(self.tasks)}] {row.name}: {row.state}{after}{f', {row.step}' if row.step else ''}"
        self.live.console.print(text, markup=False, highlight=False) if self.live else self.write(text)

    def left(self) -> str:
        """An estimate of the time until all runs have ended; empty before the first has."""
        ended = sum(row.state in (DONE, FAILED) for row in self.rows.values())
        if not ended:
            return ""
        return f"about {duration((time.monotonic() - self.start) / ended * (len(self.tasks) - ended) / 3600)} left"

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
