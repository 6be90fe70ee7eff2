"""Notebooks executed in this process."""

import matplotlib.pyplot as plt
import nbformat

from tests.helpers.paths import PROJECT


def execute(name, parameters):
    """Run the code cells of a notebook in this process, after the cell that papermill would inject."""
    notebook = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", 4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    namespace = {"In": [""]}
    injected = "# Parameters\n" + "\n".join(f"{key} = {value!r}" for key, value in parameters.items())
    try:
        for source in [cells[0].source, injected, *(cell.source for cell in cells[1:])]:
            namespace["In"].append(source)
            exec(compile(source, name, "exec"), namespace)
    finally:
        plt.close("all")
