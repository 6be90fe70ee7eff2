"""Tables of the relay's parts, and of reasons where it fails: from the stored predictions."""

from pathlib import Path

import pandas as pd

from dnrlab.data.synthetic.motions import PAIRS, pair_of
from dnrlab.experiments.tables import interval, markdown
from dnrlab.experiments.variants import differences, means, read_videos, with_cases
from dnrlab.paper import relay_direction

FOLDER = Path(__file__).parent
CASES = {  # of evidence_parts
    "bn": "batch norm",
    "relay": "relay: over layers, and over time in groups of 4",
    "layer": "over layers only",
    "uni_4": "over time only, groups of 4",
    "uni_2": "over time only, groups of 2",
    "bi_4": "over time only, both ways, groups of 4",
    "bi_2": "over time only, both ways, groups of 2",
    "bi_shared_4": "over time only, both ways with one cell, groups of 4",
    "bi_shared_2": "over time only, both ways with one cell, groups of 2",
    "one_group": "over time only, one group of 8",
    "clip_statistics": "relay with statistics of the clip",
}
QUESTIONS = {  # baseline and other of each
    "relay over time, beside layers": ("layer", "relay"),
    "relay over layers, beside time": ("uni_4", "relay"),
    "two groups instead of one": ("one_group", "uni_4"),
    "four groups instead of two": ("uni_4", "uni_2"),
    "both ways, groups of 4": ("uni_4", "bi_4"),
    "both ways, groups of 2": ("uni_2", "bi_2"),
    "statistics of the clip": ("relay", "clip_statistics"),
}
REASONS = {  # by data set: the cases of the grids evidence_reasons_*, after the one that was chosen
    "synthetic": {
        "chosen": "lr 0.01, 8 epochs",
        "longer_lr0.03": "lr 0.03, 16 epochs",
        "longer_lr0.1": "lr 0.1, 16 epochs",
        "warmup_lr0.1": "lr 0.1, 16 epochs, warm-up over 150 iterations instead of 30",
        "gamma_quarter": "lr 0.01, 8 epochs, initial γ near 0.25, other seeds of the weights",
        "gamma_half": "the same weights, but initial γ near 0.48",
    },
    "egogestar10": {
        "chosen": "groups of 4, lr 0.01, 40 epochs",
        "groups_of_2": "groups of 2",
        "groups_of_1": "groups of 1",
        "lower_lr": "lr 0.003",
        "longer": "80 epochs",
        "better_start": "from the best of the synthetic networks above",
    },
}
CHOSEN = r"lr0\.01_epochs(8_relay_seed|40_relay_fold)\d"  # runs of the grids *_choice with the settings of "chosen"
ABOUT_PARTS = (
    "The relay without interlacing on the synthetic videos, in the demo's network (ResNet-18 of width 8, 48 pixels, lr "
    "0.1, 16 epochs): mean and 95 % interval over 3 seeds, and top-1 on each pair of motions."
)
ABOUT_QUESTIONS = (
    "Within pairs of runs of the same seed; 95 % interval, Student's t. Paper: Kinetics-200, supplement, Table 1; it "
    "does not say whether channels were interlaced."
)
ABOUT_REASONS = (
    "The relay alone, with other settings; exploratory. Scored on validation videos, so that nothing is chosen on test "
    "videos; but each validation fold of egogestar10 is the test fold of another run. 95 % interval over seeds or "
    "folds. *Arcs*: clockwise and counter-clockwise, where 0.5 is guessing. *Change*: from the first row, within pairs."
)


def of_reasons() -> pd.DataFrame:
    """The validation videos of the grids evidence_reasons_*, and of the chosen settings."""
    choices, others = read_videos(FOLDER / "choices.csv"), read_videos(FOLDER / "reasons.csv")
    chosen = choices[choices["run"].str.fullmatch(CHOSEN) & choices["dataset"].isin(others["dataset"])]
    return pd.concat([chosen.assign(case="chosen"), with_cases(others)], ignore_index=True)


def parts(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each case, and of each pair of motions."""
    texts = means(videos, "case").set_index("case")
    pairs = videos.assign(pair=[pair_of(label) for label in videos["label"]])
    wide = pairs.pivot_table(index="case", columns="pair", values="right")
    rows = [
        [words, interval(texts.loc[name]), *(f"{wide.at[name, pair]:.2f}" for pair in PAIRS)]
        for name, words in CASES.items()
        if name in texts.index
    ]
    return markdown(["network", "top-1", *(" / ".join(pair).replace("_", " ") for pair in PAIRS)], rows)


def questions(videos: pd.DataFrame) -> list[str]:
    """What changing one thing changes, with the same seed; and in the paper, where it has the two."""
    table = differences(videos, tuple(QUESTIONS.values()), name="case").set_index(["baseline", "other"])
    numbers = relay_direction().set_index(["direction", "relay_distance"])["top1"] / 100
    published = {f"{direction}_{distance}": top1 for (direction, distance), top1 in numbers.items()}
    rows = []
    for words, (baseline, other) in QUESTIONS.items():
        if (baseline, other) in table.index:
            row, known = table.loc[(baseline, other)], baseline in published and other in published
            paper = f"{published[other] - published[baseline]:+.3f}" if known else ""
            rows.append([words, paper, interval(row, sign="+"), f"{row['smallest']:.3f}"])
    return markdown(["what changes", "paper", "top-1, over seeds", "smallest"], rows)


def reasons(videos: pd.DataFrame) -> list[str]:
    """Validation top-1 of the relay alone with each setting, and what it changes."""
    rows = []
    for dataset, cases in REASONS.items():
        own = videos[videos["dataset"] == dataset]
        if own.empty:
            continue
        texts = means(own, "case").set_index("case")
        pairs = [("chosen", name) for name in cases if name != "chosen"]
        gains = differences(own, pairs, name="case").set_index("other")
        arcs = own[own["label"].isin(PAIRS[3])].groupby("case")["right"].mean()
        for name, words in cases.items():
            if name in texts.index:
                change = interval(gains.loc[name], sign="+") if name in gains.index else ""
                arc = f"{arcs[name]:.2f}" if name in arcs.index else ""
                rows.append([dataset, words, interval(texts.loc[name]), texts.at[name, "over"], arc, change])
    return markdown(["data set", "relay alone", "validation top-1", "over", "arcs", "change"], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table whose runs have been stored."""
    found = []
    if (FOLDER / "parts.csv").is_file():
        videos = with_cases(read_videos(FOLDER / "parts.csv"))
        found.append(("Parts of the relay", ABOUT_PARTS, parts(videos)))
        found.append(("What each part changes", ABOUT_QUESTIONS, questions(videos)))
    if (FOLDER / "reasons.csv").is_file():
        found.append(("Where the relay alone does little", ABOUT_REASONS, reasons(of_reasons())))
    return found
