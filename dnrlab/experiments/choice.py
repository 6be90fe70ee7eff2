"""Of runs with different settings those that do best on validation videos."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

GROUP = ("dataset", "network", "norm", "interlaced", "fold")


def best_of(table: pd.DataFrame, chosen: Sequence[str], by: Sequence[str] = GROUP) -> pd.DataFrame:
    """Of each group of runs the one with the highest ``top1``. Equal ones: the lowest ``loss``.

    Few validation videos make equal accuracies likely, and the loss tells more than their order would.

    Args:
        table: from ``dnrlab.experiments.archive``, of the validation split.
        chosen: columns of the settings to choose.
        by: columns that name a group.

    Returns: by, chosen, top1 and loss; one row per group, in their first order.
    """
    ordered = table.sort_values(["top1", "loss"], ascending=[False, True], kind="stable")
    best = ordered.groupby(list(by), sort=False, dropna=False).head(1)
    order = {key: number for number, key in enumerate(dict.fromkeys(keys_of(table, by)))}
    rows = best.iloc[np.argsort([order[key] for key in keys_of(best, by)], kind="stable")]
    return rows[[*by, *chosen, "top1", "loss"]].reset_index(drop=True)


def keys_of(table: pd.DataFrame, by: Sequence[str]) -> list[tuple[str, ...]]:
    """The group of each row."""
    return list(table[list(by)].astype(str).itertuples(index=False, name=None))
