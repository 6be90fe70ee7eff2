"""Gather what notebooks 03 and 04 measured after all runs of some batches, as heat.csv and dynamics.csv.

python notebooks/results/inside.py runs/batches/evidence_synthetic runs/batches/evidence_hard
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.batch.archive import dataset_of
from dnrlab.explain.cam.survey import BLOB

FOLDER = Path(__file__).parent
OBJECTS = ["share", "pointing", "steadiness"]
RUN = re.compile(r"(?P<variant>[a-z]+)_(?:seed|fold)(?P<repeat>\d+)(?P<control>, random weights)?")


def done_notebooks(batch: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Parameters and folder of each notebook that ran after all runs."""
    for file in sorted((batch / "after").glob("*.state.json")):
        state = json.loads(file.read_text(encoding="utf-8"))
        if state["state"] == "done":
            yield state["parameters"], Path(state["parameters"]["out_dir"])


def of_heat(given: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """The means over the videos of each network's maps: one row per network (or control) and measure.

    On objects whose place is known: share, pointing and steadiness. Else the areas under the curves of deletion and
    insertion, minus those of random maps.
    """
    known = (folder / "localisation_videos.csv").is_file()
    videos = pd.read_csv(folder / ("localisation_videos.csv" if known else "faithfulness_videos.csv"))
    for name in () if known else ("deletion", "insertion"):
        videos[name] -= videos[f"random_{name}"]
    first = RUN.fullmatch(Path(given["runs"][0]).name)
    for network, own in videos.groupby("network", sort=False):
        found = RUN.fullmatch(str(network))
        if not found and network != BLOB:
            raise ValueError(f"expected runs named variant_seedN or variant_foldN, got {network!r}; rename the cases")
        who = ("random weights" if found["control"] else found["variant"]) if found else BLOB
        for measure in OBJECTS if known else ["deletion", "insertion"]:
            yield {
                "dataset": dataset_of(given["manifest"]),
                "layer": given.get("layer", ""),
                "network": who,
                "repeat": int(first["repeat"]),
                "measure": measure,
                "mean": own[measure].mean(),
                "videos": len(own),
            }


def of_dynamics(given: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """Top-1 with the relay cut, and of linear probes of γ and β: one row per measure."""
    found = RUN.fullmatch(Path(given["run_dir"]).name)
    cuts, probes = pd.read_csv(folder / "relay_cut.csv"), pd.read_csv(folder / "probe.csv")
    layers = list(dict.fromkeys(probes["layer"]))  # from the first to the last, then all together
    probes = probes[probes["layer"].isin([layers[0], *layers[-2:]])]
    rows = [(f"cut {row['cut']}", row) for _, row in cuts.iterrows()]
    rows += [(f"probe {row['layer']} {row['kind']}, {row['labels']} labels", row) for _, row in probes.iterrows()]
    for measure, row in rows:
        yield {
            "dataset": dataset_of(given["manifest"]),
            "network": found["variant"],
            "repeat": int(found["repeat"]),
            "measure": measure,
            "mean": row["mean"],
            "videos": row["n"],
        }


if __name__ == "__main__":
    rows: dict[str, list[dict[str, Any]]] = {"heat": [], "dynamics": []}
    for batch in map(Path, sys.argv[1:]):
        for given, folder in done_notebooks(batch):
            name, gather = ("heat", of_heat) if "runs" in given else ("dynamics", of_dynamics)
            rows[name] += gather(given, folder)
    for name, own in rows.items():
        pd.DataFrame(own).to_csv(FOLDER / f"{name}.csv", index=False)
        print(len(own), "rows in", FOLDER / f"{name}.csv")
