"""Add the results of batches to notebooks/results: one row per run in a table, and the predictions beside it.

python notebooks/results/archive.py main runs/batches/evidence_synthetic    # main.csv; call it again while a batch runs
python notebooks/results/archive.py choices runs/batches/evidence_synthetic_choice    # by validation: choices.csv
"""

import sys
from pathlib import Path

from dnrlab.batch.archive import archive
from dnrlab.experiments.choice import best_of, best_rates

FOLDER = Path(__file__).parent
SPLITS = {  # by table
    **dict.fromkeys(("main", "parts", "families", "batch_sizes"), "test"),
    **dict.fromkeys(("choices", "choices_parts", "reasons"), "val"),
}
COMMAND = "taskset -c 0 dnrlab batch notebooks/batches/{0}.yaml --out runs/batches/{0}"  # one core: one thread, as here
SETTINGS = ["lr", "epochs"]

if __name__ == "__main__":
    name, *batches = sys.argv[1:]
    if name not in SPLITS:
        sys.exit(f"expected a table among {', '.join(SPLITS)}, got {name!r}; choose one")
    for batch in map(Path, batches):
        table = archive(batch, FOLDER / f"{name}.csv", COMMAND.format(batch.name), SPLITS[name])
        print(len(table), "rows in", FOLDER / f"{name}.csv")
    if name == "choices":
        for grid, own in table.groupby("grid", sort=False):
            print(grid, best_of(own, SETTINGS).to_string(index=False), sep="\n")
    if name == "choices_parts":
        print(best_rates(table).to_string(index=False))
