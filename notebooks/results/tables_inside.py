"""Tables of heat and of γ and β, from heat.csv and dynamics.csv, which inside.py writes."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dnrlab.evaluation.intervals import run_interval
from dnrlab.experiments.tables import interval, markdown
from dnrlab.experiments.variants import ADDED, NAMES, RELAY
from dnrlab.explain.cam.survey import BLOB

FOLDER = Path(__file__).parent
CONTROLS = ("random weights", BLOB)
COMPARED = {("bn", "both"): ADDED["bn", "both"], **RELAY}
WHOLE = "whole relay"
HEAT = (
    "Grad-CAM++ of the predicted class on the test videos; mean and 95 % interval over seeds or folds. *Share*: heat "
    "on the object. *Pointing*: frames whose hottest pixel is on the object. *Steadiness*: see notebook 03. *Deletion* "
    "(lower is better) and *insertion* (higher is better): area under the curve minus that of random maps; "
    "they also depend on how sure a network is. Without a layer: the last one with maps of at least 6 x 6 cells."
)
GAINS = (
    "Within pairs of networks of the same seed or fold; 95 % interval, Student's t, without a correction for the "
    "number of comparisons: of twenty that mean nothing, one looks clear."
)
DYNAMICS = (
    "Top-1 of the same networks with the relay cut, and of linear probes that see γ and β alone; mean and 95 % "
    "interval over seeds or folds."
)


CUTS = (
    "Top-1 of a network with the relay cut, minus that of the same network with the whole relay: mean and 95 % "
    "interval (Student's t) over seeds or folds."
)


def over_repeats(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Mean and 95 % interval (Student's t) of each group, over seeds or folds. Networks of one repeat are averaged."""
    means = table.groupby([*by, "repeat"], sort=False)["mean"].mean()
    groups = means.groupby(level=list(by), sort=False)
    return pd.DataFrame([{**dict(zip(by, key, strict=True)), **run_interval(own)._asdict()} for key, own in groups])


def heat(table: pd.DataFrame) -> list[str]:
    """Each measure of the maps, for each network and control."""
    by = ["dataset", "layer", "measure"]
    found = over_repeats(table, [*by, "network"])
    found = found.assign(text=[interval(row) for _, row in found.iterrows()])
    wide = found.set_index([*by, "network"])["text"].unstack(sort=False).fillna("")
    columns = [name for name in (*NAMES, *CONTROLS) if name in wide]
    rows = [[*map(str, key), *(row[name] for name in columns)] for key, row in wide.iterrows()]
    return markdown(["data set", "layer", "measure", *(NAMES.get(name, name) for name in columns)], rows)


def heat_gains(table: pd.DataFrame) -> list[str]:
    """What DNR and the relay change in each measure, within pairs of networks of the same seed or fold."""
    by = ["dataset", "layer", "measure"]
    wide = table.pivot_table(index=[*by, "repeat"], columns="network", values="mean", sort=False)
    rows = []
    for key, own in wide.groupby(level=by, sort=False):
        rows.append([*map(str, key), *(change(own[other] - own[baseline]) for baseline, other in COMPARED)])
    return markdown(["data set", "layer", "measure", *COMPARED.values()], rows)


def change(differences: "pd.Series[float]") -> str:
    """Mean and 95 % interval (Student's t) of one difference per repeat."""
    return interval(pd.Series(run_interval(differences)._asdict()), sign="+")


def dynamics(table: pd.DataFrame) -> list[str]:
    """Top-1 with parts of the relay cut, and of linear probes of γ and β."""
    found = over_repeats(table, ["dataset", "measure", "network"])
    found = found.assign(text=[interval(row) for _, row in found.iterrows()])
    wide = found.set_index(["dataset", "measure", "network"])["text"].unstack(sort=False).fillna("")
    rows = [[*map(str, key), *(row[name] for name in ("relay", "both"))] for key, row in wide.iterrows()]
    return markdown(["data set", "measure", "relay", "both (DNR)"], rows)


def cuts(table: pd.DataFrame) -> list[str]:
    """What cutting the relay changes in top-1, within each network."""
    own = table[table["measure"].str.contains("cut") | (table["measure"] == WHOLE)]
    wide = own.pivot_table(index=["dataset", "network", "repeat"], columns="measure", values="mean", sort=False)
    lost = wide.drop(columns=WHOLE).sub(wide[WHOLE], axis=0)
    rows = []
    for dataset, group in lost.groupby(level="dataset", sort=False):
        of_network = dict(iter(group.groupby(level="network")))
        for measure in lost:
            shown = [change(of_network[name][measure]) if name in of_network else "" for name in ("relay", "both")]
            rows.append([str(dataset), str(measure), *shown])
    return markdown(["data set", "what is cut", "relay", "both (DNR)"], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table whose measures have been stored."""
    found = []
    if (FOLDER / "heat.csv").is_file():
        maps = pd.read_csv(FOLDER / "heat.csv", keep_default_na=False)
        found += [("Heat", HEAT, heat(maps)), ("What DNR and the relay change in the heat", GAINS, heat_gains(maps))]
    if (FOLDER / "dynamics.csv").is_file():
        measures = pd.read_csv(FOLDER / "dynamics.csv")
        found += [("γ and β", DYNAMICS, dynamics(measures)), ("What cutting changes", CUTS, cuts(measures))]
    return found
