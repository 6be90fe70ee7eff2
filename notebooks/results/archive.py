"""Add the results of batches to notebooks/results: one row per run in a table, and the predictions beside it.

python notebooks/results/archive.py main runs/batches/evidence_synthetic    # main.csv; call it again while a batch runs
python notebooks/results/archive.py choices runs/batches/evidence_synthetic_choice    # by validation: choices.csv
"""

import sys
from pathlib import Path

from dnrlab.batch.archive import archive
from dnrlab.experiments.choice import best_of

FOLDER = Path(__file__).parent
SETTINGS = ["lr", "epochs"]
ON_VALIDATION = ("choices", "reasons")

if __name__ == "__main__":
    name, *batches = sys.argv[1:]
    split = "val" if name in ON_VALIDATION else "test"
    for batch in batches:
        table = archive(batch, FOLDER / f"{name}.csv", split)
        print(len(table), "rows in", FOLDER / f"{name}.csv")
        if name == "choices":
            print(best_of(table[table["grid"] == Path(batch).name], SETTINGS).to_string(index=False))
