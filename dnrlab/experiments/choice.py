"""The settings that do best on validation videos."""

from collections.abc import Sequence

import pandas as pd

from dnrlab.experiments.variants import SETTING, with_cases

GROUP = (*SETTING, "norm", "interlaced", "fold")
DIGITS = 9  # of a mean; so that a tie is one however its sum was rounded


def best_of(table: pd.DataFrame, chosen: Sequence[str], by: Sequence[str] = GROUP) -> pd.DataFrame:
    """For each group, the settings with the highest mean top-1; ties go to the lower mean loss.

    The means are over the seeds of a setting. Few validation videos make ties likely.

    Args:
        table: from ``dnrlab.batch.archive``, of the validation split.
        chosen: columns of the settings to choose.
        by: columns that name a group.

    Returns: by, chosen, seeds (number), top1 and loss; one row per group, in their first order.

    Raises: ValueError if the groups do not have the same settings and numbers of seeds.
    """
    settings = table.groupby([*by, *chosen], sort=False, dropna=False)
    found = settings.agg(seeds=("seed", "nunique"), top1=("top1", "mean"), loss=("loss", "mean")).reset_index()
    groups = found.groupby(list(by), sort=False, dropna=False).ngroup()
    found = found.assign(group=groups)
    number = found["group"].nunique()
    lone = found.groupby([*chosen, "seeds"]).filter(lambda own: len(own) < number)
    if len(lone):
        values = ", ".join(f"{name} {lone[name].iloc[0]:g}" for name in (*chosen, "seeds"))
        raise ValueError(f"expected the same settings in all groups, got {values} in some; wait for the other runs")
    found["top1"] = found["top1"].round(DIGITS)
    ordered = found.sort_values(["group", "top1", "loss"], ascending=[True, False, True])
    return ordered.groupby("group").head(1).drop(columns="group").reset_index(drop=True)


def best_rates(table: pd.DataFrame) -> pd.DataFrame:
    """The learning rate that does best for each case of a grid, as ``best_of``.

    A case is the run's name without ``lr…_`` and seed.

    Args:
        table: from ``dnrlab.batch.archive``, of the validation split: one grid, whose runs are named by learning rate.

    Returns: case, lr, seeds (number), top1 and loss; one row per case, in their first order.

    Raises: ValueError if there are several grids, or see ``best_of``.
    """
    if table["grid"].nunique() != 1:
        raise ValueError(f"expected the runs of one grid, got {', '.join(table['grid'].unique())}; choose for each")
    table = with_cases(table)
    table["case"] = table["case"].str.replace(r"^lr[^_]+_", "", regex=True)
    return best_of(table, ["lr"], ["case"])


def at_best_rates(runs: pd.DataFrame, choices: pd.DataFrame) -> pd.DataFrame:
    """The runs whose learning rate did best for their case on validation videos.

    Args:
        runs: a table of runs, whose names are case and seed.
        choices: see ``best_rates``.

    Raises: ValueError if a case has no choice, or not all of its seeds at its rate.
    """
    rates = best_rates(choices).set_index("case")["lr"]
    runs = with_cases(runs)
    found = runs[runs["lr"] == runs["case"].map(rates)]
    for case, own in runs.groupby("case", sort=False):
        if case not in rates:
            raise ValueError(f"expected a learning rate that was chosen for {case}, got none; add it to the choices")
        missing = set(own["seed"]) - set(found.loc[found["case"] == case, "seed"])
        if missing:
            seeds = ", ".join(map(str, sorted(missing)))
            raise ValueError(f"expected {case} with lr {rates[case]:g}, got none of seed {seeds}; run its grid")
    return found
