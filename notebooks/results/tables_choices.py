"""Tables of the settings that were chosen on validation videos."""

from pathlib import Path

import pandas as pd
from tables_others import LABELS, NETWORKS
from tables_parts import CASES

from dnrlab.experiments.choice import best_of, best_rates
from dnrlab.experiments.tables import markdown
from dnrlab.experiments.variants import NAMES, SETTING, VARIANTS, read_table

FOLDER = Path(__file__).parent
CHOICES = (
    "The highest mean top-1 on validation videos among all settings in `choices.csv`; ties go to the lower loss. On "
    "egogestar10, test fold k is chosen on fold k + 1. These numbers were used to choose the settings. They are not "
    "results."
)
ABOUT_SMALL = (
    "The demo's networks on the synthetic videos: the higher mean top-1 on the 100 validation videos, over two seeds "
    "(one for batch sizes); ties go to the lower loss. These numbers were used to choose the learning rate. They are "
    "not results."
)


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


def small() -> list[str]:
    """The learning rates that were chosen for the demo's networks."""
    rows = [
        [name_of(row.case, row.batch_size), str(row.batch_size), f"{row.lr:g}", f"{row.top1:.3f}", f"{row.loss:.2f}"]
        for row in best_rates(read_table(FOLDER / "choices_small.csv")).itertuples()
    ]
    return markdown(["network", "batch", "lr", "validation top-1", "loss"], rows)


def name_of(case: str, batch_size: int) -> str:
    """A case of evidence_parts, evidence_families or evidence_batch_sizes in words."""
    sizes = {f"{norm}_batch{batch_size}": f"{words}, 4 epochs" for norm, words in LABELS.items()}
    return (CASES | NETWORKS | sizes)[case]


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table whose runs have been stored."""
    found = [("Chosen settings", CHOICES, choices())]
    if (FOLDER / "choices_small.csv").is_file():
        found.append(("Chosen learning rates of the demo's networks", ABOUT_SMALL, small()))
    return found
