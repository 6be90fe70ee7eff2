"""Kinetics-200 out of Kinetics-400.

Source: Cai, Yao and Chen, NeurIPS 2021: the 200 classes with the most videos, 400 training and 25 validation videos of
each, drawn at random from the training and validation sets. (Known as Mini-Kinetics, too: Xie et al., ECCV 2018.)
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dnrlab.data.build.annotations.items import lines_of
from dnrlab.data.build.match import BuildResult

CLASSES = 200


VIDEOS = {"train": 400, "val": 25}  # of each class


def select(built: BuildResult, class_list: str | None, seed: int) -> BuildResult:
    """The part of Kinetics-400 that is Kinetics-200; only what is missing of its classes is called missing."""
    known = set(built.rows["label"])
    largest = largest_classes(built.rows)
    classes = largest if class_list is None else read_class_list(class_list, known)
    rows = draw(built.rows, classes, seed)
    concerned = built.missing["label"].isin(list(classes)) & built.missing["split"].isin(list(VIDEOS))
    left_out = built.left_out | {"not drawn": len(built.rows) - len(rows)}
    return built._replace(rows=rows, missing=built.missing[concerned], left_out=left_out)


def largest_classes(rows: pd.DataFrame, count: int = CLASSES) -> list[str]:
    """The ``count`` labels with the most rows of the splits train and val; among equals the first by name."""
    numbers = rows["label"][rows["split"].isin(list(VIDEOS))].value_counts().to_dict()
    return sorted(numbers, key=lambda label: (-numbers[label], label))[:count]


def draw(rows: pd.DataFrame, classes: Collection[str], seed: int) -> pd.DataFrame:
    """400 training and 25 validation rows of each class, or all where there are fewer, in the order of ``rows``.

    The draw of a class depends on the seed, its name and its own videos, and on no other class.
    """
    drawn: list[int] = []
    for (label, split), own in rows.sort_values("path").groupby(["label", "split"]):
        if label in classes and split in VIDEOS:
            rng = np.random.default_rng([seed, *f"{label}/{split}".encode()])
            drawn += rng.permutation(own.index.to_numpy())[: VIDEOS[split]].tolist()
    return rows.loc[sorted(drawn)].reset_index(drop=True)


def read_class_list(file: str | Path, known: Collection[str]) -> Sequence[str]:
    """Names of classes, one a line. ValueError names the line of one that no video has, or that stands twice."""
    names: list[str] = []
    for number, name in lines_of(Path(file)):
        if name not in known or name in names:
            why = "stands in the list already" if name in names else "is no class of the videos that were found"
            raise ValueError(f"{file}, line {number}: {name!r} {why}; correct the line")
        names.append(name)
    return names
