"""Notebooks as batch runs by papermill. Parameters are checked before a kernel starts."""

import io
import random
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from dnrlab.batch.cells import read_cells
from dnrlab.notebook import check_parameters, declared_defaults

KERNEL = "python3"  # of this interpreter's environment, whatever kernel the notebook names
ATTEMPTS = 3  # to start a kernel
END_WITH_PARENT = "from dnrlab.parent import end_with_parent; end_with_parent()"
RACES = ("Kernel died before replying", "Kernel didn't respond", "Address already in use")


@cache
def parameters_of(notebook: Path) -> dict[str, tuple[type, Any]]:
    """Types and defaults that a notebook declares in its cell tagged ``parameters``, by name.

    Raises: FileNotFoundError if there is no such notebook; ValueError if it does not have exactly one such cell, or it
    is no notebook.
    """
    tagged = [cell.source for cell in read_cells(notebook) if "parameters" in cell.tags]
    if len(tagged) != 1:
        raise ValueError(f"{notebook}: expected one cell tagged parameters, got {len(tagged)}; tag one cell")
    try:
        return declared_defaults(tagged[0])
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{notebook}: expected plain Python in the cell tagged parameters, got {problem}; correct it"
        ) from error


def parameter_types(notebook: str | Path) -> dict[str, type]:
    """Names and types that a notebook declares, see ``parameters_of``."""
    return {name: kind for name, (kind, _) in parameters_of(Path(notebook)).items()}


def defaults_of(notebook: str | Path) -> dict[str, Any]:
    """Names and default values that a notebook declares, see ``parameters_of``."""
    return {name: value for name, (_, value) in parameters_of(Path(notebook)).items()}


def run_notebook(
    notebook: str | Path, out: str | Path, parameters: dict[str, Any], *, report: Callable[[str], None] | None = None
) -> Path:
    """Execute a notebook into ``out``, in the working directory of this process.

    Args:
        notebook: the source, which does not change.
        out: the executed copy. Its folder is made.
        parameters: values by name, checked first against the declared names and types.
        report: called with every line that the notebook prints, while it runs.

    Returns: the path of the executed copy.

    Raises: ValueError or TypeError for the parameters; papermill's PapermillExecutionError if a cell fails. It quotes
    the notebook's error, and the executed copy is still written.
    """
    import papermill

    check_parameters(parameter_types(notebook), parameters)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            papermill.execute_notebook(
                str(notebook),
                str(out),
                parameters,
                kernel_name=KERNEL,
                language="python",  # where the notebook names none
                progress_bar=report is None and sys.stderr.isatty(),
                stdout_file=LineWriter(report) if report else None,
                # The kernel's warnings do not belong in the report. It ends when this process is killed.
                extra_arguments=["--IPKernelApp.log_level=ERROR", f"--IPKernelApp.exec_lines={[END_WITH_PARENT]}"],
            )
            break
        except Exception as error:  # kernels that start at the same time can race for a port
            if attempt == ATTEMPTS or not any(words in str(error) for words in RACES):
                raise
            time.sleep(random.uniform(1, 3) * attempt)
    return Path(out)


class LineWriter(io.TextIOBase):
    """A text file that calls a function with every line written to it."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report

    def write(self, text: str) -> int:
        for line in text.splitlines():
            self.report(line)
        return len(text)
