"""Compute the tables of heat and of γ and β from heat.csv and dynamics.csv, which inside.py wrote.

python notebooks/results/tables_inside.py    # prints the tables of RESULTS.md
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dnrlab.evaluation.intervals import run_interval
from dnrlab.experiments.tables import interval, markdown
from dnrlab.explain.cam.survey import BLOB

FOLDER = Path(__file__).parent
NETWORKS = {"bn": "batch norm", "interlaced": "interlacing", "relay": "relay", "both": "both (DNR)"}
CONTROLS = {"random weights": "random weights", BLOB: BLOB}


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
    columns = [name for name in (*NETWORKS, *CONTROLS) if name in wide]
    rows = [[*map(str, key), *(row[name] for name in columns)] for key, row in wide.iterrows()]
    return markdown(["data set", "layer", "measure", *((NETWORKS | CONTROLS)[name] for name in columns)], rows)


def heat_gains(table: pd.DataFrame) -> list[str]:
    """What the relay changes in each measure, within pairs of networks of the same seed or fold."""
    by = ["dataset", "layer", "measure"]
    wide = table.pivot_table(index=[*by, "repeat"], columns="network", values="mean", sort=False)
    rows = []
    for key, own in wide.groupby(level=by, sort=False):
        pairs = (("bn", "relay"), ("interlaced", "both"))
        gains = [pd.Series(run_interval(own[other] - own[baseline])._asdict()) for baseline, other in pairs]
        rows.append([*map(str, key), *(interval(gain, sign="+") for gain in gains)])
    return markdown(["data set", "layer", "measure", "relay, alone", "relay, beside interlacing"], rows)


def dynamics(table: pd.DataFrame) -> list[str]:
    """Top-1 with parts of the relay cut, and of linear probes of γ and β."""
    found = over_repeats(table, ["dataset", "measure", "network"])
    found = found.assign(text=[interval(row) for _, row in found.iterrows()])
    wide = found.set_index(["dataset", "measure", "network"])["text"].unstack(sort=False).fillna("")
    rows = [[*map(str, key), *(row[name] for name in ("relay", "both"))] for key, row in wide.iterrows()]
    return markdown(["data set", "measure", "relay", "both (DNR)"], rows)


if __name__ == "__main__":
    maps = pd.read_csv(FOLDER / "heat.csv", keep_default_na=False)
    for lines in (heat(maps), heat_gains(maps), dynamics(pd.read_csv(FOLDER / "dynamics.csv"))):
        print("\n".join(lines), end="\n\n")
