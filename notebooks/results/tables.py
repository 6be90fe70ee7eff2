"""Compute the tables of this folder from the stored predictions, and draw their figure.

python notebooks/results/tables.py    # prints the tables of RESULTS.md

Writes means.csv, differences.csv and differences.png.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab import findings
from dnrlab.data.synthetic.make import pair_accuracy
from dnrlab.data.synthetic.motions import pair_of
from dnrlab.experiments.variants import differences, means, read_videos
from dnrlab.figures import save_figure
from dnrlab.plots import differences_figure
from dnrlab.plots.variants import WHAT

FOLDER = Path(__file__).parent
NAMES = {"bn": "batch norm", "interlaced": "interlacing", "relay": "relay", "both": "both (DNR)"}
NETWORK = "tsn_resnet18"
NOTE = (
    "mean over pairs of runs; thick: 95 % interval over seeds or folds (Student's t); thin: over the sources of the "
    "test videos, for these trained networks (bootstrap)"
)


def interval(row: "pd.Series[Any]", mean: str = "mean", low: str = "low", high: str = "high", *, sign: str = "") -> str:
    """``0.93 [0.90, 0.95]``; without an interval the mean alone."""
    middle = f"{row[mean]:{sign}.3f}"
    return middle if pd.isna(row[low]) else f"{middle} [{row[low]:{sign}.3f}, {row[high]:{sign}.3f}]"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(row) + " |" for row in (header, ["---"] * len(header), *rows)]


def accuracies(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each variant: one row per data set and network."""
    wide = means(videos).assign(text=lambda table: [interval(row) for _, row in table.iterrows()])
    rows = []
    for (dataset, network), own in wide.groupby(["dataset", "network"], sort=False):
        texts = own.set_index("variant")["text"]
        rows.append([str(dataset), str(network), *(texts.get(name, "") for name in NAMES), own["over"].iloc[0]])
    return markdown(["data set", "network", *NAMES.values(), "over"], rows)


def gains(videos: pd.DataFrame) -> list[str]:
    """What each part adds: one row per data set, network and pair of variants."""
    table = differences(videos)
    places = [list(WHAT).index((row["baseline"], row["other"])) for _, row in table.iterrows()]
    groups = table.groupby(["dataset", "network"], sort=False).ngroup()
    ordered = table.assign(group=groups, place=places).sort_values(["group", "place"])
    rows = [
        [
            str(row["dataset"]),
            str(row["network"]),
            WHAT[row["baseline"], row["other"]],
            interval(row, sign="+"),
            interval(row, "videos_mean", "videos_low", "videos_high", sign="+"),
            f"{row['smallest']:.3f}",
        ]
        for _, row in ordered.iterrows()
    ]
    return markdown(["data set", "network", "what is added", "top-1, over runs", "over videos", "smallest"], rows)


def of_synthetic(videos: pd.DataFrame) -> pd.DataFrame:
    """The rows of synthetic sets and the evidence's small network."""
    return videos[videos["dataset"].str.startswith("synthetic") & (videos["network"] == NETWORK)]


def within_pairs(videos: pd.DataFrame) -> list[str]:
    """Accuracy within the right pair of motions: mean over the runs, one row per synthetic set."""
    rows = []
    for dataset, own in of_synthetic(videos).groupby("dataset", sort=False):
        of_runs = {
            key: pair_accuracy(list(run["label"]), list(run["predicted"]))["within_pair"]
            for key, run in own.groupby(["variant", "seed"])
        }
        each = [[value for (variant, _), value in of_runs.items() if variant == name] for name in NAMES]
        rows.append([str(dataset), *(f"{sum(values) / len(values):.3f}" if values else "" for values in each)])
    return markdown(["data set", *NAMES.values()], rows)


def by_pair(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each pair of motions: mean over the runs, one row per synthetic set and pair."""
    own = of_synthetic(videos)
    own = own.assign(pair=[" / ".join(pair_of(label)).replace("_", " ") for label in own["label"]])
    wide = own.pivot_table(index=["dataset", "pair"], columns="variant", values="right", sort=False)
    rows = [
        [*map(str, key), *("" if pd.isna(row.get(name)) else f"{row[name]:.2f}" for name in NAMES)]
        for key, row in wide.iterrows()
    ]
    return markdown(["data set", "motions", *NAMES.values()], rows)


if __name__ == "__main__":
    videos = read_videos(FOLDER / "main.csv")
    means(videos).to_csv(FOLDER / "means.csv", index=False)
    for network, table in differences(videos).groupby("network", sort=False):
        name = "differences" if network == NETWORK else f"differences_{network}"
        save_figure(differences_figure(table, findings.of_relay(table), NOTE), FOLDER, name, table=table)
    for lines in (accuracies(videos), gains(videos), within_pairs(videos), by_pair(videos)):
        print("\n".join(lines), end="\n\n")
