"""Tables of the relay's parts and of batch sizes, from parts.csv, batch_sizes.csv and their predictions."""

from pathlib import Path

import pandas as pd

from dnrlab.data.synthetic.motions import PAIRS, pair_of
from dnrlab.experiments.tables import interval, markdown
from dnrlab.experiments.variants import differences, means, read_videos
from dnrlab.paper import relay_direction

FOLDER = Path(__file__).parent
CASES = {  # names of evidence_parts; the relay is that of evidence_synthetic
    "relay": "relay (both, one way, groups of 4)",
    "layer": "over layers only",
    "uni_4": "over time only, groups of 4",
    "uni_2": "over time only, groups of 2",
    "bi_4": "over time only, both ways, groups of 4",
    "bi_2": "over time only, both ways, groups of 2",
    "one_group": "over time only, one group of 8",
    "clip_statistics": "relay, statistics of the clip",
    "longer": "relay, 16 epochs",
}
QUESTIONS = {  # baseline and other of each
    "over time, beside layers": ("layer", "relay"),
    "over layers, beside time": ("uni_4", "relay"),
    "two groups instead of one": ("one_group", "uni_4"),
    "four groups instead of two": ("uni_4", "uni_2"),
    "both ways, groups of 4": ("uni_4", "bi_4"),
    "both ways, groups of 2": ("uni_2", "bi_2"),
    "statistics of the clip": ("relay", "clip_statistics"),
    "16 epochs instead of 8": ("relay", "longer"),
}
PARTS = (
    "The relay without interlacing on the synthetic videos: mean and 95 % interval over 3 seeds, and top-1 on each "
    "pair of motions."
)
CHANGES = "Within pairs of runs of the same seed; 95 % interval, Student's t. Paper: Kinetics-200, supplement, Table 1."
WHY = (
    "Five folds; lr 0.01. On the validation fold of each, for nothing here may look at test videos; 95 % interval over "
    "folds. Chance is 0.1."
)
BATCHES = (
    "The demo's network (ResNet-18 of width 8, 48 pixels, 4 epochs) on the synthetic videos, 3 seeds. All networks are "
    "interlaced, so that only the norm differs. The learning rate is in proportion to the batch."
)
REASONS = {  # names of evidence_reasons; groups of 4 are in evidence_egogestar10_choice
    "groups_of_4": "groups of 4, 40 epochs",
    "groups_of_2": "groups of 2, 40 epochs",
    "groups_of_1": "groups of 1, 40 epochs",
    "longer": "groups of 4, 80 epochs",
}
SAME = r"lr0\.01_epochs40_relay_fold\d"  # run of evidence_egogestar10_choice with these settings
NORMS = {"bn": "batch norm", "gn": "group norm", "dnr": "DNR"}


def with_cases(videos: pd.DataFrame) -> pd.DataFrame:
    """The videos with a column ``case``: the run's name without seed or fold."""
    return videos.assign(case=videos["run"].str.replace(r"_(seed|fold)\d+$", "", regex=True))


def of_parts() -> pd.DataFrame:
    """The videos of evidence_parts, and of the relay with the same seeds."""
    own = read_videos(FOLDER / "parts.csv")
    main = read_videos(FOLDER / "main.csv")
    same = (main["grid"] == "evidence_synthetic") & (main["variant"] == "relay") & main["seed"].isin(own["seed"])
    return with_cases(pd.concat([own, main[same]], ignore_index=True))


def of_reasons() -> pd.DataFrame:
    """The validation videos of evidence_reasons, and of the same training with groups of 4."""
    choices = read_videos(FOLDER / "choices.csv")
    same = (choices["dataset"] == "egogestar10") & choices["run"].str.fullmatch(SAME)
    videos = with_cases(pd.concat([choices[same], read_videos(FOLDER / "reasons.csv")], ignore_index=True))
    return videos.assign(case=videos["case"].replace("lr0.01_epochs40_relay", "groups_of_4"))


def of_batches() -> pd.DataFrame:
    """The videos of evidence_batch_sizes, with columns ``norm`` and ``batch_size``."""
    videos = with_cases(read_videos(FOLDER / "batch_sizes.csv"))
    parts = videos["case"].str.extract(r"(?P<norm>\w+)_batch(?P<batch_size>\d+)")
    return videos.assign(norm=parts["norm"], batch_size=parts["batch_size"].astype(int))


def parts(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each case, and of each pair of motions."""
    texts = means(videos, "case").set_index("case")
    pairs = videos.assign(pair=[pair_of(label) for label in videos["label"]])
    wide = pairs.pivot_table(index="case", columns="pair", values="right")
    rows = [
        [words, interval(texts.loc[name]), *(f"{wide.at[name, pair]:.2f}" for pair in PAIRS)]
        for name, words in CASES.items()
    ]
    return markdown(["relay alone", "top-1", *(" / ".join(pair).replace("_", " ") for pair in PAIRS)], rows)


def questions(videos: pd.DataFrame) -> list[str]:
    """What changing one thing changes, with the same seed; and in the paper, where it has the two."""
    table = differences(videos, tuple(QUESTIONS.values()), name="case").set_index(["baseline", "other"])
    numbers = relay_direction().set_index(["direction", "relay_distance"])["top1"] / 100
    published = {f"{direction}_{distance}": top1 for (direction, distance), top1 in numbers.items()}
    rows = []
    for words, (baseline, other) in QUESTIONS.items():
        row, known = table.loc[(baseline, other)], baseline in published and other in published
        paper = f"{published[other] - published[baseline]:+.3f}" if known else ""
        rows.append([words, paper, interval(row, sign="+"), f"{row['smallest']:.3f}"])
    return markdown(["what changes", "paper", "top-1, over seeds", "smallest"], rows)


def reasons(videos: pd.DataFrame) -> list[str]:
    """Validation top-1 of the relay alone on egogestar10, and what each change changes on the same folds."""
    baseline, *others = REASONS
    texts = means(videos, "case").set_index("case")
    gains = differences(videos, [(baseline, other) for other in others], name="case").set_index("other")
    rows = [
        [words, interval(texts.loc[name]), interval(gains.loc[name], sign="+") if name in gains.index else ""]
        for name, words in REASONS.items()
    ]
    return markdown(["relay alone", "validation top-1", "change"], rows)


def batch_sizes(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each norm at each batch size, and what DNR adds with the same seed."""
    texts = means(videos, "case").set_index("case")
    rows = []
    for size in sorted(videos["batch_size"].unique()):
        pairs = [(f"{norm}_batch{size}", f"dnr_batch{size}") for norm in ("bn", "gn")]
        gains = differences(videos, pairs, name="case").set_index("baseline")
        rows.append(
            [
                str(size),
                *(interval(texts.loc[f"{norm}_batch{size}"]) for norm in NORMS),
                *(interval(gains.loc[baseline], sign="+") for baseline, _ in pairs),
            ]
        )
    return markdown(["batch", *NORMS.values(), "DNR − batch norm", "DNR − group norm"], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table whose runs have been stored."""
    found = []
    if (FOLDER / "parts.csv").is_file():
        videos = of_parts()
        found += [("Parts of the relay", PARTS, parts(videos)), ("What each part changes", CHANGES, questions(videos))]
    if (FOLDER / "reasons.csv").is_file():
        found.append(("Why the relay alone does little on egogestar10", WHY, reasons(of_reasons())))
    if (FOLDER / "batch_sizes.csv").is_file():
        found.append(("Batch sizes", BATCHES, batch_sizes(of_batches())))
    return found
