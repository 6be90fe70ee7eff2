"""Tables of the relay's parts, and of reasons where it fails: from the stored predictions."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dnrlab.data.synthetic.motions import PAIRS, pair_of
from dnrlab.experiments.choice import at_best_rates
from dnrlab.experiments.tables import interval, markdown, number
from dnrlab.experiments.variants import differences, means, read_table, read_videos, with_cases
from dnrlab.paper import relay_direction

FOLDER = Path(__file__).parent
CASES = {  # of evidence_parts, evidence_parts_choice and evidence_parts_chosen
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
CHANGES = {  # baseline and other of each
    "relay over layers, alone": ("bn", "layer"),
    "relay over time, alone, groups of 4": ("bn", "uni_4"),
    "relay over time, beside layers": ("layer", "relay"),
    "relay over layers, beside time": ("uni_4", "relay"),
    "groups of 4 frames instead of one of 8": ("one_group", "uni_4"),
    "groups of 2 frames instead of 4": ("uni_4", "uni_2"),
    "both ways, groups of 4": ("uni_4", "bi_4"),
    "both ways, groups of 2": ("uni_2", "bi_2"),
    "both ways and groups of 2, instead of one way and groups of 4": ("uni_4", "bi_2"),
    "statistics of the clip": ("relay", "clip_statistics"),
}
REASONS = {  # by data set: cases of the grids evidence_reasons_* and *_choice; changes are from the first
    "synthetic": {
        "gamma_quarter": "lr 0.01, 8 epochs (the chosen settings), initial γ near 0.25",
        "gamma_half": "the same, but initial γ near 0.48",
        "lr0.03_epochs8_relay": "lr 0.03, 8 epochs",
        "longer_lr0.03": "lr 0.03, 16 epochs",
        "longer_lr0.1": "lr 0.1, 16 epochs",
        "warmup_lr0.1": "lr 0.1, 16 epochs, warm-up over 150 iterations instead of 30",
    },
    "egogestar10": {
        "lr0.01_epochs40_relay": "groups of 4, lr 0.01, 40 epochs (chosen for four of five folds)",
        "groups_of_2": "groups of 2",
        "groups_of_1": "groups of 1",
        "lower_lr": "lr 0.003",
        "longer": "80 epochs",
        "better_start": "from the best of the synthetic networks above; folds 3 and 4 from those of seeds 0 and 1",
    },
}
STARTS = {  # cases of evidence_reasons_demo and evidence_reasons_placement
    "demo": "lr 0.1, warm-up over 30 iterations (as in the demo)",
    "demo_warmup": "warm-up over 150 iterations",
    "demo_lr0.03": "lr 0.03",
    "demo_clip": "statistics of the clip",
    "lr0.03_second_norm": "lr 0.03, both relays on the second norm of a block",
    "lr0.03_both_norms": "lr 0.03, over layers on the first norm, over time on the second",
}
PLACES = ("lr0.03_second_norm", "lr0.03_both_norms")  # compared with USUAL_PLACE
USUAL_PLACE = "demo_lr0.03"
ARCS = pair_of("clockwise")
ABOUT_PARTS = (
    "The relay without interlacing on the synthetic videos, in the demo's network (ResNet-18 of width 8, 48 pixels, 16 "
    "epochs), with the learning rate that was chosen for each: mean and 95 % interval over 3 seeds, and top-1 on each "
    "pair of motions."
)
ABOUT_CHANGES = (
    "Within pairs of runs of the same seed; 95 % interval, Student's t. Paper: Kinetics-200, supplement, Table 1; it "
    "does not say whether channels were interlaced."
)
ABOUT_REASONS = (
    "The relay alone, with other settings; exploratory. Scored on validation videos, so that nothing is chosen on test "
    "videos; but each validation fold of egogestar10 is the test fold of another run. 95 % interval over seeds or "
    "folds, without one where all runs are equal; Student's t knows no bounds, so it can exceed 1. *Arcs*: clockwise "
    "and counter-clockwise, where 0.5 is guessing. *Change*: from the first row of the data set, within pairs of runs "
    "of the same seed or fold."
)

ABOUT_STARTS = (
    "The relay without interlacing in the demo's network (ResNet-18 of width 8, 48 pixels, 16 epochs): validation "
    "top-1 of each seed. Guessing is 0.1, and 0.5 within the right pair. *Change*: from lr 0.03 with both relays on "
    "the first norm, within pairs of runs of the same seed; 95 % interval, Student's t. The rate was not chosen for "
    "the other places."
)


def of_reasons() -> pd.DataFrame:
    """The validation videos of the grids evidence_reasons_* and *_choice."""
    videos = [read_videos(FOLDER / f"{name}.csv") for name in ("reasons", "choices")]
    return with_cases(pd.concat(videos, ignore_index=True))


def of_parts() -> pd.DataFrame:
    """The test videos of each part's runs, at the learning rate that was chosen for it."""
    kept = at_best_rates(read_table(FOLDER / "parts.csv"), read_table(FOLDER / "choices_parts.csv"))
    return with_cases(read_videos(FOLDER / "parts.csv")).merge(kept[["grid", "run"]], validate="many_to_one")


def by_case(videos: pd.DataFrame, cases: Mapping[str, str]) -> list[str]:
    """Top-1 of each case in ``cases`` (its words), and of each pair of motions."""
    texts = means(videos, "case").set_index("case")
    pairs = videos.assign(pair=[pair_of(label) for label in videos["label"]])
    wide = pairs.pivot_table(index="case", columns="pair", values="right")
    rows = [
        [words, interval(texts.loc[name]), *(f"{wide.at[name, pair]:.2f}" for pair in PAIRS)]
        for name, words in cases.items()
        if name in texts.index
    ]
    return markdown(["network", "top-1", *(" / ".join(pair).replace("_", " ") for pair in PAIRS)], rows)


def changes(videos: pd.DataFrame) -> list[str]:
    """What changing one thing changes, with the same seed; and in the paper, where it has the two."""
    table = differences(videos, tuple(CHANGES.values()), name="case").set_index(["baseline", "other"])
    numbers = relay_direction().set_index(["direction", "relay_distance"])["top1"] / 100
    published = {f"{direction}_{distance}": top1 for (direction, distance), top1 in numbers.items()}
    published["bn"] = published["none_0"]
    rows = []
    for words, (baseline, other) in CHANGES.items():
        if (baseline, other) in table.index:
            row, known = table.loc[(baseline, other)], baseline in published and other in published
            paper = f"{published[other] - published[baseline]:+.3f}" if known else ""
            rows.append([words, paper, interval(row, sign="+"), number(row["smallest"])])
    return markdown(["what changes", "paper", "top-1, over seeds", "smallest"], rows)


def reasons(videos: pd.DataFrame) -> list[str]:
    """Validation top-1 of the relay alone with each setting, and what it changes."""
    rows = []
    for dataset, cases in REASONS.items():
        own = videos[(videos["dataset"] == dataset) & videos["case"].isin(cases)]
        if own.empty:
            continue
        texts = means(own, "case").set_index("case")
        first, *others = cases
        gains = differences(own, [(first, name) for name in others], name="case").set_index("other")
        arcs = own[own["label"].isin(ARCS)].groupby("case")["right"].mean()
        for name, words in cases.items():
            if name in texts.index:
                change = interval(gains.loc[name], sign="+") if name in gains.index else ""
                arc = number(arcs.get(name, float("nan")), 2)
                rows.append([dataset, words, interval(texts.loc[name]), texts.at[name, "over"], arc, change])
    return markdown(["data set", "relay alone", "validation top-1", "over", "arcs", "change"], rows)


def starts(videos: pd.DataFrame) -> list[str]:
    """Validation top-1 of each setting and seed, and what another place changes: one row per setting."""
    own = videos[videos["case"].isin(STARTS)]
    wide = own.pivot_table(index="case", columns="seed", values="right")
    same = own.assign(network="resnet18")  # networks with other places have names of their own
    gains = differences(same, [(USUAL_PLACE, place) for place in PLACES], name="case").set_index("other")
    rows = []
    for name, words in STARTS.items():
        change = interval(gains.loc[name], sign="+") if name in PLACES else ""
        rows.append([words, *(number(value, 2) for value in wide.loc[name]), change])
    return markdown(["relay alone", *(f"seed {seed}" for seed in wide), "change"], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table."""
    parts, tried = of_parts(), of_reasons()
    return [
        ("Parts of the relay", ABOUT_PARTS, by_case(parts, CASES)),
        ("What each part changes", ABOUT_CHANGES, changes(parts)),
        ("Where the relay alone does little", ABOUT_REASONS, reasons(tried)),
        ("Where the relay alone does not learn", ABOUT_STARTS, starts(tried)),
    ]
