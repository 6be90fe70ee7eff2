"""Tables of batch norm, interlacing, the relay and both, from main.csv and its predictions."""

from pathlib import Path

import pandas as pd

from dnrlab import findings
from dnrlab.data.synthetic.make import SETS, pair_accuracy
from dnrlab.data.synthetic.motions import pair_of
from dnrlab.data.synthetic.objects import objects_of
from dnrlab.experiments.choice import best_of
from dnrlab.experiments.tables import interval, markdown, number
from dnrlab.experiments.variants import NAMES, RELAY, SETTING, VARIANTS, differences, means, read_table
from dnrlab.figures import save_figure
from dnrlab.plots import differences_figure

FOLDER = Path(__file__).parent
NETWORK = "tsn_resnet18"
OVER_VIDEOS = ("videos_mean", "videos_low", "videos_high")
HARD = "synthetic_hard"
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
    "the same time. *Contrast*: opacity. Last columns: within pairs of runs of the same seed, 95 % interval."
)
CHOICES = (
    "The highest mean top-1 on validation videos among all settings in `choices.csv`; ties go to the lower loss. On "
    "egogestar10, test fold k is chosen on fold k + 1. These numbers were used to choose the settings. They are not "
    "results."
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
        for third in thirds.cat.categories:
            part = measured[measured["path"].isin(objects.loc[thirds == third, "path"])]
            low, high = part[quantity].min(), part[quantity].max()
            top1, gains = part.groupby("variant")["right"].mean(), differences(part).set_index(["baseline", "other"])
            rows.append(
                [
                    f"{quantity} {low:.2f} to {high:.2f}",
                    str(part["path"].nunique()),
                    *(number(top1.get(name, float("nan"))) for name in NAMES),
                    *(interval(gains.loc[pair], sign="+") if pair in gains.index else "" for pair in RELAY),
                ]
            )
    return markdown(["objects", "videos", *NAMES.values(), *RELAY.values()], rows)


def choices() -> list[str]:
    """The settings that were chosen on validation videos."""
    table = read_table(FOLDER / "choices.csv")
    best = pd.concat(
        [best_of(own, ["lr", "epochs"]) for _, own in table.groupby([*SETTING], sort=False)], ignore_index=True
    )
    variants = [VARIANTS[key] for key in zip(best["norm"], best["interlaced"], strict=True)]
    places = [list(NAMES).index(variant) for variant in variants]
    groups = best.groupby([*SETTING], sort=False).ngroup()
    best = best.assign(variant=variants, place=places, group=groups).sort_values(["group", "fold", "place"])
    rows = [
        [
            row.dataset,
            row.fold,
            NAMES[row.variant],
            f"{row.lr:g}",
            str(row.epochs),
            f"{row.top1:.3f}",
            f"{row.loss:.2f}",
        ]
        for row in best.itertuples()
    ]
    return markdown(["data set", "test fold", "network", "lr", "epochs", "validation top-1", "loss"], rows)


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
    return [*found, ("Chosen settings", CHOICES, choices())]


def draw(videos: pd.DataFrame) -> None:
    """Write differences.csv and its figure; other networks get files of their own."""
    for network, table in differences(videos).groupby("network", sort=False):
        name = "differences" if network == NETWORK else f"differences_{network}"
        save_figure(differences_figure(table, findings.of_relay(table), NOTE), FOLDER, name, table=table)
