"""Small notebooks and grids that need no network: a notebook of one cell, made on the spot."""

import json

CELL = """seed: int = 0  # seed
run_dir: str = ""  # folder
out_dir: str = ""  # folder"""


def write_cells(file, parameters, *sources):
    """A notebook with a cell tagged parameters and further cells of code."""
    cells = [
        {"cell_type": "code", "id": f"c{index}", "metadata": {"tags": ["parameters"] if index == 0 else []},
         "source": source, "outputs": [], "execution_count": None}
        for index, source in enumerate((parameters, *sources))
    ]  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def write_grid(folder, text, **notebooks):
    """``grid.yaml`` and its notebooks, by name; each has the parameters of ``CELL`` and one cell of code."""
    for name, source in notebooks.items():
        write_cells(folder / f"{name}.ipynb", CELL, source)
    (folder / "grid.yaml").write_text(text)
    return folder / "grid.yaml"
