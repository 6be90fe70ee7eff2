"""The settings that do best on validation videos."""

from collections.abc import Sequence

import pandas as pd

GROUP = ("dataset", "network", "norm", "interlaced", "fold")


def best_of(table: pd.DataFrame, chosen: Sequence[str], by: Sequence[str] = GROUP) -> pd.DataFrame:
    """Of each group of runs the settings with the highest ``top1``. Equal ones: the lowest ``loss``.

    Both are means over the seeds of a setting. Few validation videos make equal accuracies likely, and the loss tells
    more than their order would.

    Args:
        table: from ``dnrlab.experiments.archive``, of the validation split.
        chosen: columns of the settings to choose.
        by: columns that name a group.

    Returns: by, chosen, seeds (number), top1 and loss; one row per group, in their first order.
    """
    settings = table.groupby([*by, *chosen], sort=False, dropna=False)
    found = settings.agg(seeds=("seed", "nunique"), top1=("top1", "mean"), loss=("loss", "mean")).reset_index()
    groups = found.groupby(list(by), sort=False, dropna=False).ngroup()
    ordered = found.assign(group=groups).sort_values(["group", "top1", "loss"], ascending=[True, False, True])
    return ordered.groupby("group").head(1).drop(columns="group").reset_index(drop=True)
