"""Notebooks as batch runs by papermill. Parameters are checked before a kernel starts."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dnrlab.notebook import check_parameters, declared_parameters

KERNEL = "python3"  # of this interpreter's environment, whatever kernel the notebook names
ATTEMPTS = 3  # to start a kernel


def parameter_types(notebook: str | Path) -> dict[str, type]:
    """Names and types that a notebook declares in its cell tagged ``parameters``.

    Raises: FileNotFoundError if there is no such notebook; ValueError if it does not have exactly one such cell.
    """
    import nbformat

    if not Path(notebook).is_file():
        raise FileNotFoundError(f"expected a notebook at {notebook}, got no such file; check the path")
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{notebook}: expected one cell tagged parameters, got {len(tagged)}; tag one cell")
    return declared_parameters(tagged[0])


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
                progress_bar=report is None and sys.stderr.isatty(),
                stdout_file=LineWriter(report) if report else None,
                extra_arguments=["--IPKernelApp.log_level=ERROR"],  # the kernel's warnings do not belong in the report
            )
            break
        except RuntimeError as error:  # kernels that start at the same time can race for a port
            if "Kernel died before replying" not in str(error) or attempt == ATTEMPTS:
                raise
    return Path(out)


class LineWriter(io.TextIOBase):
    """A text file that calls a function with every line written to it."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report

    def write(self, text: str) -> int:
        for line in text.splitlines():
            self.report(line)
        return len(text)
