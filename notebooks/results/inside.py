"""Gather what notebooks 03 and 04 measured after all runs of some batches: heat.csv and dynamics.csv.

python notebooks/results/inside.py runs/batches/evidence_synthetic runs/batches/evidence_hard

Rows of the same batch are replaced. ``heat/GRID/NOTEBOOK.csv`` has one row per video and network,
``dynamics/GRID/NOTEBOOK.csv`` the predictions for each video with the relay cut.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.batch.archive import dataset_of, paths_below
from dnrlab.batch.state import DONE, STATE, read_state
from dnrlab.explain.cam.survey import BLOB
from dnrlab.files import atomic_write

FOLDER = Path(__file__).parent
ON_OBJECTS = ["share", "pointing", "steadiness"]
BY_DELETING = ["deletion", "insertion"]  # where no object's place is known
CUTS = {"none": "whole relay", "both": "relay cut"}
KINDS = {"cross_temporal": "over time", "cross_layer": "over layers"}
RUN_NAME = re.compile(r"(?P<variant>[a-z]+)_(?:seed|fold)(?P<repeat>\d+)(?P<control>, random weights)?")


def done_notebooks(batch: Path) -> Iterator[tuple[str, dict[str, Any], Path]]:
    """Name, parameters and folder of each notebook that ran after all runs."""
    for file in sorted((batch / "after").glob(f"*{STATE}")):
        state = read_state(file)
        if state.state == DONE:
            yield file.name.removesuffix(STATE), dict(state.parameters), Path(state.parameters["out_dir"])


def maps_of(folder: Path, manifest: str) -> pd.DataFrame:
    """What notebook 03 measured of each video's maps: path (below the data set's folder), network and measures.

    On objects whose place is known: share, pointing and steadiness. Else the areas under the curves of deletion and
    insertion, minus those of random maps.
    """
    if (folder / "localisation_videos.csv").is_file():
        videos, measures = pd.read_csv(folder / "localisation_videos.csv"), ON_OBJECTS
    else:
        videos, measures = pd.read_csv(folder / "faithfulness_videos.csv"), BY_DELETING
        for name in measures:
            videos[name] -= videos[f"random_{name}"]
    return videos.assign(path=paths_below(videos["path"], manifest))[["path", "network", *measures]].round(4)


def parsed(network: str) -> tuple[str, int]:
    """Variant and seed or fold of a run's name."""
    found = RUN_NAME.fullmatch(network)
    if not found:
        raise ValueError(f"expected runs named variant_seedN or variant_foldN, got {network!r}; rename the cases")
    return "random weights" if found["control"] else found["variant"], int(found["repeat"])


def of_heat(given: dict[str, Any], maps: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The means over the videos: one row per network or control, and measure. ``maps`` is from ``maps_of``.

    The layer is empty if the notebook took the last one with maps of at least 6 x 6 cells.
    """
    _, first = parsed(Path(given["runs"][0]).name)
    for network, own in maps.groupby("network", sort=False):
        who, repeat = (BLOB, first) if network == BLOB else parsed(str(network))
        for measure in own.columns[2:]:
            yield {
                "dataset": dataset_of(given["manifest"]),
                "layer": given.get("layer", ""),
                "network": who,
                "repeat": repeat,
                "measure": measure,
                "mean": own[measure].mean(),
                "videos": len(own),
            }


def cuts_of(folder: Path, manifest: str) -> pd.DataFrame:
    """Path (below the data set's folder) and label of each video, and the class predicted with each cut."""
    videos = pd.read_csv(folder / "relay_cut_videos.csv", dtype=str, keep_default_na=False)
    return videos.assign(path=paths_below(videos["path"], manifest)).drop(columns="source")


def of_dynamics(given: dict[str, Any], videos: pd.DataFrame, probes: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Top-1 with the relay cut, and of linear probes of γ and β: one row per measure.

    ``videos`` is from ``cuts_of``, ``probes`` is ``probe.csv`` of the notebook.
    """
    variant, repeat = parsed(Path(given["run_dir"]).name)
    layers = list(dict.fromkeys(probes["layer"]))  # from the first to the last, then all together
    probes = probes[probes["layer"].isin([layers[0], *layers[-2:]])]
    right = {cut: (videos[cut] == videos["label"]).mean() for cut in videos.columns[2:]}
    rows = [(CUTS.get(cut, f"relay {cut} cut"), mean, len(videos)) for cut, mean in right.items()]
    for measure, mean, number in [*rows, *((probe_words(row), row["mean"], row["n"]) for _, row in probes.iterrows())]:
        yield {
            "dataset": dataset_of(given["manifest"]),
            "network": variant,
            "repeat": repeat,
            "measure": measure,
            "mean": mean,
            "videos": number,
        }


def probe_words(row: "pd.Series[Any]") -> str:
    """What a probe sees, and whether its labels were shuffled."""
    where = "all layers" if row["layer"] == "all" else f"{row['layer']} {KINDS[row['kind']]}"
    return f"probe of {where}" + (", shuffled labels" if row["labels"] == "shuffled" else "")


def gather(batch: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of heat and of dynamics of a batch. What is known of each video is written below ``FOLDER``."""
    heat, dynamics = [], []
    for name, given, folder in done_notebooks(batch):
        known = {"grid": batch.name, "notebook": name}
        if "runs" in given:
            maps = maps_of(folder, given["manifest"])
            store(maps, FOLDER / "heat" / batch.name / f"{name}.csv")
            heat += [row | known for row in of_heat(given, maps)]
        else:
            videos, probes = cuts_of(folder, given["manifest"]), pd.read_csv(folder / "probe.csv")
            store(videos, FOLDER / "dynamics" / batch.name / f"{name}.csv")
            dynamics += [row | known for row in of_dynamics(given, videos, probes)]
    return heat, dynamics


def store(table: pd.DataFrame, file: Path) -> None:
    """Write a table to its file."""
    with atomic_write(file) as unfinished:
        table.to_csv(unfinished, index=False)


def add(file: Path, rows: list[dict[str, Any]]) -> None:
    """Put rows into a table, in place of the rows of the same grids."""
    table = pd.DataFrame(rows)
    if file.is_file() and rows:
        earlier = pd.read_csv(file, keep_default_na=False)
        table = pd.concat([earlier[~earlier["grid"].isin(table["grid"])], table])
    if len(table):
        store(table, file)
    print(len(rows), "new rows in", file)


if __name__ == "__main__":
    without = [batch for batch in sys.argv[1:] if not any(done_notebooks(Path(batch)))]
    if without or not sys.argv[1:]:
        got = ", ".join(without) or "none"
        sys.exit(f"expected batches with finished notebooks after their runs, got {got}; run their grids to the end")
    for given_batch in map(Path, sys.argv[1:]):
        for table_name, found_rows in zip(("heat", "dynamics"), gather(given_batch), strict=True):
            add(FOLDER / f"{table_name}.csv", found_rows)
