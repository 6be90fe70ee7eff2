"""Tables of the settings that were chosen on validation videos."""

from pathlib import Path

import pandas as pd
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
ABOUT_PARTS = (
    "The relay's parts, in the demo's network: of 0.03 and 0.1 the rate with the higher mean top-1 over two seeds, on "
    "100 synthetic validation videos; ties go to the lower loss. These numbers were used to choose the learning rate. "
    "They are not results."
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


def rates_of_parts() -> list[str]:
    """The learning rates that were chosen for the relay's parts."""
    best = best_rates(read_table(FOLDER / "choices_parts.csv")).set_index("case")
    rows = [
        [words, f"{best.at[case, 'lr']:g}", f"{best.at[case, 'top1']:.3f}", f"{best.at[case, 'loss']:.2f}"]
        for case, words in CASES.items()
    ]
    return markdown(["network", "lr", "validation top-1", "loss"], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table."""
    return [
        ("Chosen settings", CHOICES, choices()),
        ("Chosen learning rates of the relay's parts", ABOUT_PARTS, rates_of_parts()),
    ]
