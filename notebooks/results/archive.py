"""Add the results of batches to notebooks/results: one row per run in a table, and the predictions beside it.

python notebooks/results/archive.py main runs/batches/evidence_synthetic    # main.csv; call it again while a batch runs
python notebooks/results/archive.py choices runs/batches/evidence_synthetic_choice    # by validation: choices.csv
"""

import re
import sys
from pathlib import Path

from dnrlab.batch.archive import archive
from dnrlab.experiments.choice import best_of, best_rates

FOLDER = Path(__file__).parent
DATA = "(gpu_)?(synthetic|hard|egogestar10|jhmdb21)"
TABLES = {  # the split that each shows, and its grids
    "main": ("test", f"evidence_{DATA}"),
    "choices": ("val", f"evidence_{DATA}_choice"),
    "parts": ("test", "evidence_parts(_chosen)?"),
    "choices_parts": ("val", "evidence_parts_choice"),
    "families": ("test", "evidence_families"),
    "batch_sizes": ("test", "evidence_batch_sizes"),
    "reasons": ("val", "evidence_reasons_.*"),
}
COMMAND = "taskset -c 0 dnrlab batch notebooks/batches/{0}.yaml --out runs/batches/{0}"  # one core: one thread, as here
SETTINGS = ["lr", "epochs"]


def check_arguments(arguments: list[str]) -> None:
    """End with a sentence unless these are a table and folders of batches that belong there."""
    if len(arguments) < 2 or arguments[0] not in TABLES:
        given = " ".join(arguments) or "nothing"
        sys.exit(f"expected a table ({', '.join(TABLES)}) and folders of batches, got {given}; see its docstring")
    for batch in map(Path, arguments[1:]):
        if not re.fullmatch(TABLES[arguments[0]][1], batch.name):
            sys.exit(f"expected batches named {TABLES[arguments[0]][1]} for {arguments[0]}, got {batch}; correct it")
        if not batch.is_dir():
            sys.exit(f"expected the folder of a batch, got no folder {batch}; run its grid first")


if __name__ == "__main__":
    check_arguments(sys.argv[1:])
    name, *batches = sys.argv[1:]
    for batch in map(Path, batches):
        try:
            table = archive(batch, FOLDER / f"{name}.csv", COMMAND.format(batch.name), TABLES[name][0])
        except ValueError as error:
            sys.exit(str(error))
        print(len(table), "rows in", FOLDER / f"{name}.csv")
    if name == "choices":
        for grid, own in table.groupby("grid", sort=False):
            print(grid, best_of(own, SETTINGS).to_string(index=False), sep="\n")
    if name == "choices_parts":
        print(best_rates(table).to_string(index=False))
