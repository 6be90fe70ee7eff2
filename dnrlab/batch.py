"""Notebooks as batch runs: papermill, with parameters that are checked before a kernel starts."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dnrlab.notebook import check_parameters, declared_parameters

KERNEL = "python3"  # the one of this interpreter's environment, whatever the notebook was saved with
ATTEMPTS = 3  # to start a kernel


def parameter_types(notebook: str | Path) -> dict[str, type]:
    """Names and types that a notebook declares in its cell tagged ``parameters``.

    Raises: FileNotFoundError if there is no such notebook; ValueError if it has no such cell.
    """
    import nbformat

    if not Path(notebook).is_file():
        raise FileNotFoundError(f"expected a notebook at {notebook}, found none")
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{notebook}: expected one cell tagged parameters, got {len(tagged)}")
    return declared_parameters(tagged[0])


def run_notebook(
    notebook: str | Path, out: str | Path, parameters: dict[str, Any], *, report: Callable[[str], None] | None = None
) -> Path:
    """Execute a notebook into ``out``, in the working directory of this process.

    Args:
        notebook: the source, which stays as it is.
        out: the executed copy; its folder is made.
        parameters: by name; checked against the declared names and types first.
        report: called with every line that the notebook prints, while it runs.

    Raises: ValueError or TypeError for the parameters; papermill's PapermillExecutionError, with the notebook's own
    error in it, if a cell fails. The executed copy is kept then, too.
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
                extra_arguments=["--IPKernelApp.log_level=ERROR"],  # its warnings are not for who reads the report
            )
            break
        except RuntimeError as error:  # kernels that start side by side can race for a port
            if "Kernel died before replying" not in str(error) or attempt == ATTEMPTS:
                raise
    return Path(out)


class LineWriter(io.TextIOBase):
    """A file that passes every line written to it on to a function."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report

    def write(self, text: str) -> int:
        for line in text.splitlines():
            self.report(line)
        return len(text)
