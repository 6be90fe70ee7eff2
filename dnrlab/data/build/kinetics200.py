"""Select Kinetics-200 from Kinetics-400.

Source: Cai, Yao and Chen, NeurIPS 2021: the 200 classes with the most videos, with 400 training and 25 validation
videos of each, drawn at random from the training and validation sets. It is also known as Mini-Kinetics (Xie et al.,
ECCV 2018).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dnrlab.data.build.annotations.items import lines_of
from dnrlab.data.build.match import BuildResult

CLASSES = 200


VIDEOS = {"train": 400, "val": 25}  # videos per class


def select(built: BuildResult, class_list: str | None, seed: int) -> BuildResult:
    """Reduce Kinetics-400 to Kinetics-200. Of the missing videos, only those of the chosen classes stay listed."""
    known = set(built.rows["label"])
    largest = largest_classes(built.rows)
    classes = largest if class_list is None else read_class_list(class_list, known)
    rows = draw(built.rows, classes, seed)
    concerned = built.missing["label"].isin(list(classes)) & built.missing["split"].isin(list(VIDEOS))
    left_out = built.left_out | {"not drawn": len(built.rows) - len(rows)}
    return built._replace(rows=rows, missing=built.missing[concerned], left_out=left_out)


def largest_classes(rows: pd.DataFrame, count: int = CLASSES) -> list[str]:
    """The ``count`` labels with the most rows in the splits train and val. Ties go in alphabetical order."""
    counts = rows["label"][rows["split"].isin(list(VIDEOS))].value_counts().to_dict()
    return sorted(counts, key=lambda label: (-counts[label], label))[:count]


def draw(rows: pd.DataFrame, classes: Collection[str], seed: int) -> pd.DataFrame:
    """400 training and 25 validation rows of each class, in the order of ``rows``. All of them if there are fewer.

    The draw of a class depends only on the seed, the class's name and its own videos, not on other classes.
    """
    drawn: list[int] = []
    for (label, split), own in rows.sort_values("path").groupby(["label", "split"]):
        if label in classes and split in VIDEOS:
            rng = np.random.default_rng([seed, *f"{label}/{split}".encode()])
            drawn += rng.permutation(own.index.to_numpy())[: VIDEOS[split]].tolist()
    return rows.loc[sorted(drawn)].reset_index(drop=True)


def read_class_list(file: str | Path, known: Collection[str]) -> Sequence[str]:
    """Class names, one per line. ValueError names the line of a class that has no video or is listed twice."""
    names: list[str] = []
    for number, name in lines_of(Path(file)):
        if name in names:
            raise ValueError(f"{file}, line {number}: expected each class once, got {name!r} again; remove the line")
        if name not in known:
            raise ValueError(f"{file}, line {number}: expected a class of the videos, got {name!r}; correct the line")
        names.append(name)
    return names
