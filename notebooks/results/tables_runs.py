"""Tables of batch norm, interlacing, the relay and both, from main.csv and its predictions."""

from pathlib import Path

import pandas as pd

from dnrlab import findings
from dnrlab.data.synthetic.make import SETS, pair_accuracy
from dnrlab.data.synthetic.motions import pair_of
from dnrlab.data.synthetic.objects import objects_of
from dnrlab.evaluation.intervals import unpaired_difference
from dnrlab.experiments.tables import interval, markdown, number
from dnrlab.experiments.variants import ADDED, NAMES, RELAY, SETTING, differences, means
from dnrlab.figures import save_figure
from dnrlab.plots import differences_figure

FOLDER = Path(__file__).parent
NETWORK = "tsn_resnet18"
OVER_VIDEOS = ("videos_mean", "videos_low", "videos_high")
HARD = "synthetic_hard"
SHOWN = {pair: words for pair, words in ADDED.items() if "alone" in words or pair in RELAY}  # on thirds of its videos
ACCURACIES = (
    "Mean and 95 % interval (Student's t) on the test videos. Chance is 0.1; on jhmdb21, which has 21 classes, 0.05."
)
GAINS = (
    "*Over runs*: within pairs of runs of the same seed or fold, each with the same weight; 95 % interval, Student's "
    "t. It covers other trainings. *Over videos*: each video with the same weight; bootstrap over the sources of the "
    "test videos, for these trained networks. *Smallest*: the smallest difference that as many runs, or videos, show "
    "in four of five repetitions."
)
WITHIN = "Share of right classes where the predicted pair is right: chance is 0.5. Mean over the seeds."
OBJECTS = (
    "Top-1 on thirds of the test videos. *Size*: side, as part of the frame. *Speed*: part of the path that is seen in "
    "the same time. *Contrast*: opacity. Last columns: within pairs of runs of the same seed, 95 % interval, Student's "
    "t. *First − last*: what is added in the first third minus the last; 95 % interval, bootstrap over the videos, for "
    "these trained networks."
)
NOTE = (
    "mean over pairs of runs; thick: 95 % interval over seeds or folds (Student's t); thin: over the sources of the "
    "test videos, for these trained networks (bootstrap)"
)


def accuracies(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each variant: one row per data set and network."""
    wide = means(videos).assign(text=lambda table: [interval(row) for _, row in table.iterrows()])
    rows = []
    for (dataset, network, pixels, width), own in wide.groupby([*SETTING], sort=False):
        texts, over = own.set_index("variant")["text"], ", ".join(own["over"].unique())
        names = [str(dataset), f"{network}, width {width}, {pixels} pixels"]
        rows.append([*names, *(texts.get(name, "") for name in NAMES), over])
    return markdown(["data set", "network", *NAMES.values(), "over"], rows)


def gains(videos: pd.DataFrame) -> list[str]:
    """What each part adds: one row per data set, network and pair of variants."""
    table = differences(videos)
    rows = [
        [
            str(row["dataset"]),
            str(row["network"]),
            row["what"],
            interval(row, sign="+"),
            row["over"],
            number(row["smallest"]),
            interval(row, OVER_VIDEOS, sign="+"),
            number(row["videos_smallest"]),
        ]
        for _, row in table.iterrows()
    ]
    header = ["data set", "network", "what is added", "over runs", "n", "smallest", "over videos", "smallest"]
    return markdown(header, rows)


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
        [*map(str, key), *(number(row.get(name, float("nan")), 2) for name in NAMES)] for key, row in wide.iterrows()
    ]
    return markdown(["data set", "motions", *NAMES.values()], rows)


def by_object(videos: pd.DataFrame) -> list[str]:
    """Top-1 on thirds of the hard test videos by size, speed and contrast, and what the relay adds there."""
    own = of_synthetic(videos[videos["dataset"] == HARD])
    objects = objects_of(SETS[HARD], "test")
    measured = own.merge(objects, on="path", validate="many_to_one")
    if len(measured) != len(own):
        raise ValueError(f"expected {len(own)} videos of {HARD}, got {len(measured)} with objects; archive it again")
    rows = []
    for quantity in ("size", "speed", "contrast"):
        thirds = pd.qcut(objects[quantity], 3)
        parts = [measured[measured["path"].isin(objects.loc[thirds == each, "path"])] for each in thirds.cat.categories]
        for part in parts:
            top1, gains = part.groupby("variant")["right"].mean(), differences(part).set_index(["baseline", "other"])
            rows.append(
                [
                    f"{quantity} {part[quantity].min():.2f} to {part[quantity].max():.2f}",
                    str(part["path"].nunique()),
                    *(number(top1.get(name, float("nan"))) for name in NAMES),
                    *(interval(gains.loc[pair], sign="+") if pair in gains.index else "" for pair in SHOWN),
                ]
            )
        ends = [[of_videos(part, pair) for part in (parts[0], parts[-1])] for pair in SHOWN]
        gaps = [pd.Series(unpaired_difference(*end)._asdict()) if len(end[0]) else None for end in ends]
        texts = ["" if each is None else interval(each, sign="+") for each in gaps]
        rows.append([f"{quantity}: first − last", "", *([""] * len(NAMES)), *texts])
    return markdown(["objects", "videos", *NAMES.values(), *SHOWN.values()], rows)


def of_videos(videos: pd.DataFrame, pair: tuple[str, str]) -> "pd.Series[float]":
    """What the other of a pair adds to the baseline on each video: mean over the runs; empty without one of them."""
    top1 = videos.pivot_table(index="path", columns="variant", values="right").reindex(columns=list(pair))
    return (top1[pair[1]] - top1[pair[0]]).dropna()


def sections(videos: pd.DataFrame) -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table."""
    found = [
        ("Top-1", ACCURACIES, accuracies(videos)),
        ("What interlacing and the relay add", GAINS, gains(videos)),
        ("Within the right pair of motions", WITHIN, within_pairs(videos)),
        ("Each pair of motions", "Top-1, mean over the seeds; chance is 0.1.", by_pair(videos)),
    ]
    if (videos["dataset"] == HARD).any():
        found.append(("Small, slow and faint objects", OBJECTS, by_object(videos)))
    return found


def draw(videos: pd.DataFrame) -> None:
    """Write differences.csv and its figure; other networks get files of their own."""
    for network, table in differences(videos).groupby("network", sort=False):
        name = "differences" if network == NETWORK else f"differences_{network}"
        save_figure(differences_figure(table, findings.of_relay(table), NOTE), FOLDER, name, table=table)
