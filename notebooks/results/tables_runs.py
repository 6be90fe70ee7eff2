"""Tables of batch norm, interlacing, the relay and both, from main.csv and its predictions."""

from pathlib import Path

import pandas as pd

from dnrlab import findings
from dnrlab.data.synthetic.make import SETS, pair_accuracy
from dnrlab.data.synthetic.motions import pair_of
from dnrlab.data.synthetic.objects import objects_of
from dnrlab.evaluation.intervals import group_difference
from dnrlab.experiments.tables import interval, markdown, number
from dnrlab.experiments.variants import ADDED, NAMES, SETTING, differences, means
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
THIRDS = ("lowest", "middle", "highest")
OBJECTS = (
    "Top-1 on thirds of the test videos of synthetic_hard, taken within each motion. *Size*: side, as part of the "
    "frame. *Speed*: part of the path that is seen in the same time. *Contrast*: opacity. Last columns: within pairs "
    "of runs of the same seed, 95 % interval, Student's t. *Lowest − highest*: what is added in the lowest third minus "
    "the highest; 95 % interval, bootstrap over the scenes, for these trained networks."
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
    """Top-1 on thirds of the hard test videos by size, speed and contrast, and what is added there.

    The thirds are taken within each motion. Otherwise most of the small objects would come nearer or go farther.
    """
    own = of_synthetic(videos[videos["dataset"] == HARD])
    measured = own.merge(objects_of(SETS[HARD], "test"), on="path", validate="many_to_one")
    if len(measured) != len(own):
        raise ValueError(f"expected {len(own)} videos of {HARD}, got {len(measured)} with objects; archive it again")
    each, rows = measured.drop_duplicates("path"), []
    for quantity in ("size", "speed", "contrast"):
        thirds = each.groupby("label")[quantity].transform(lambda values: pd.qcut(values, len(THIRDS), labels=False))
        parts = [measured[measured["path"].isin(each.loc[thirds == place, "path"])] for place in range(len(THIRDS))]
        for words, part in zip(THIRDS, parts, strict=True):
            top1, gains = part.groupby("variant")["right"].mean(), differences(part).set_index(["baseline", "other"])
            rows.append(
                [
                    f"{quantity}: {words} third, mean {part[quantity].mean():.2f}",
                    str(part["path"].nunique()),
                    *(number(top1.get(name, float("nan"))) for name in NAMES),
                    *(interval(gains.loc[pair], sign="+") if pair in gains.index else "" for pair in ADDED),
                ]
            )
        texts = [gap(parts[0], parts[-1], pair) for pair in ADDED]
        rows.append([f"{quantity}: lowest − highest", "", *([""] * len(NAMES)), *texts])
    return markdown(["objects", "videos", *NAMES.values(), *ADDED.values()], rows)


def gap(first: pd.DataFrame, last: pd.DataFrame, pair: tuple[str, str]) -> str:
    """What a pair's other variant adds on the first videos minus what it adds on the last.

    Each video has the mean over the seeds that both variants have; empty without such a seed.
    """
    index = ["path", "source", "fold", "seed"]
    top1 = pd.concat([first, last]).pivot_table(index=index, columns="variant", values="right")
    top1 = top1.reindex(columns=list(pair)).dropna()
    gains = (top1[pair[1]] - top1[pair[0]]).groupby(["path", "source"]).mean().reset_index(name="gain")
    if gains.empty:
        return ""
    found = group_difference(gains["gain"], gains["path"].isin(first["path"]), gains["source"])
    return interval(pd.Series(found._asdict()), sign="+")


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
