"""The cells of a notebook, read from its JSON: nbformat takes seconds to load and is not needed to read."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from dnrlab.files import explain_read_errors


class Cell(NamedTuple):
    """A cell of a notebook."""

    kind: str  # code, markdown or raw
    source: str
    tags: tuple[str, ...]


@cache
def read_cells(notebook: Path) -> tuple[Cell, ...]:
    """The cells of a notebook of format 4, once per process.

    Raises: FileNotFoundError if there is no such file; ValueError if it is no notebook.
    """
    if not notebook.is_file():
        raise FileNotFoundError(f"expected a notebook at {notebook}, got no such file; check the path")
    with explain_read_errors(notebook, "give a notebook of Jupyter, format 4"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return tuple(
            Cell(cell["cell_type"], "".join(cell["source"]), tuple(cell.get("metadata", {}).get("tags", [])))
            for cell in cells
        )


def code_of(notebook: Path) -> list[str]:
    """The sources of a notebook's code cells."""
    return [cell.source for cell in read_cells(notebook) if cell.kind == "code"]
