"""Draw the splits of videos that have none: by class, and whole sources together."""

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

SPLITS = ("train", "val", "test")


TIES = 1e-6  # weight of the videos that a split lacks in all classes


class SplitRule(NamedTuple):
    """How splits are drawn."""

    shares: tuple[float, float, float]  # of train, val and test; their sum is 1
    group_by: str = ""  # a column of the rows, or a regular expression for the paths; empty: each video by itself


def parse_shares(text: str) -> tuple[float, float, float]:
    """The shares in a text such as ``70/15/15``. ValueError unless there are three that add up to 100 (or to 1)."""
    try:
        train, val, test = (float(part) for part in text.split("/"))
    except ValueError as error:
        raise ValueError(f"expected shares of train, val and test such as 70/15/15, got {text!r}") from error
    total = train + val + test
    if min(train, val, test) < 0 or train == 0 or not (abs(total - 100) < 1e-6 or abs(total - 1) < 1e-6):
        raise ValueError(f"expected shares that add up to 100, with some for train, got {text!r}; correct them")
    return train / total, val / total, test / total


def random_split(rows: pd.DataFrame, rule: SplitRule, seed: int) -> pd.DataFrame:
    """The rows with a column ``split``, and, if they are grouped, a column ``source`` with the group of each row.

    Each class is divided by the shares as closely as its groups allow. A group lies in one split as a whole, also if it
    has videos of several classes. Groups are taken in random order, the largest first. Each goes to the split that
    lacks most of its videos, or of two such splits to the one that lacks most of all videos: 10 videos at 70/15/15
    give 7, 2 and 1, and 100 classes of 3 videos give 200, 50 and 50. No split stays empty if there are as many groups
    as splits.

    Raises: ValueError if a path does not match the regular expression.
    """
    rows = rows.reset_index(drop=True)
    if rule.group_by:
        rows = rows.assign(source=groups_of(rows, rule.group_by))
    groups = rows["source"].to_numpy() if rule.group_by else np.arange(len(rows))
    counts = pd.crosstab(groups, rows["label"]).sort_index()  # (groups, classes)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts.to_numpy().sum(axis=1)[order], kind="stable")]
    lacking = np.outer(rule.shares, counts.to_numpy().sum(axis=0))  # (splits, classes), in videos
    allowed = np.array(rule.shares) > 0
    split_of: dict[Any, str] = {}
    for position, group in enumerate(order):
        videos = counts.to_numpy()[group]
        need = (lacking * videos).sum(axis=1) + TIES * lacking.sum(axis=1)
        empty = allowed & ~np.isin(SPLITS, list(split_of.values()))
        open_splits = empty if empty.sum() >= len(order) - position else allowed  # the last groups fill empty splits
        best = int(np.argmax(np.where(open_splits, need, -np.inf)))
        lacking[best] -= videos
        split_of[counts.index[group]] = SPLITS[best]
    return rows.assign(split=[split_of[group] for group in groups])


def groups_of(rows: pd.DataFrame, group_by: str) -> list[str]:
    """The group of each row: the cell of a column, or what a regular expression finds in the path.

    If the expression has a group in parentheses, the group is what that finds.
    """
    if group_by in ("path", "label"):
        raise ValueError(
            f"expected group_by to name sources, got {group_by!r}; give a regular expression for the paths"
        )
    if group_by in rows:
        return [str(cell) for cell in rows[group_by]]
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise ValueError(
            f"expected group_by to be a column such as source, or a regular expression, got {group_by!r} ({error})"
        ) from error
    matches = [pattern.search(path) for path in rows["path"]]
    found = [match and match[1 if pattern.groups else 0] for match in matches]
    if None in found:
        path = rows["path"].iloc[found.index(None)]
        raise ValueError(
            f"expected a column such as source, or a regular expression that every path matches, got {group_by!r}, "
            f"which does not match {path}; correct group_by"
        )
    return [str(text) for text in found]
