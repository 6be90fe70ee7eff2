"""Kinetics: one CSV file per split.

    label,youtube_id,time_start,time_end,split
    abseiling,-3B32lodo2M,59,69,train
    testifying,zzMpPTyZ3HI,3,13,validate

The file of the test videos may lack the column ``label``. A video's name consists of its YouTube id, start and end (in
seconds, six digits each): ``-3B32lodo2M_000059_000069.mp4``.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from dnrlab.data.build.annotations.items import Annotations, Item, SplitFile, split_of
from dnrlab.data.splits import NAMES, is_split, split_name

COLUMNS = ("youtube_id", "time_start", "time_end")


def read_kinetics(files: Sequence[SplitFile]) -> Annotations:
    """The labelled videos in some CSV files. ValueError names file and line."""
    items: list[Item] = []
    unlabelled = 0
    for file in files:
        with file.path.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            check_header(file.path, reader.fieldnames or ())
            for row in reader:
                if row.get("label"):
                    items.append(item(file, row, reader.line_num))
                else:
                    unlabelled += 1
    return Annotations(items, left_out={"without a label": unlabelled} if unlabelled else {})


def check_header(path: Path, names: Sequence[str]) -> None:
    """Raise ValueError unless the columns of Kinetics are there."""
    if not set(COLUMNS) <= set(names):
        raise ValueError(
            f"{path}, line 1: expected the columns label, youtube_id, time_start, time_end, split, "
            f"got {', '.join(names)}; give a CSV file of Kinetics"
        )


def item(file: SplitFile, row: dict[str, str], line: int) -> Item:
    """The video of a row."""
    try:
        start, end = (int(float(row[name])) for name in ("time_start", "time_end"))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{file.path}, line {line}: expected time_start and time_end in seconds, got {row}; correct the line"
        ) from error
    named = (row.get("split") or "").strip()
    if named != "" and not is_split(named) and file.split is None:
        raise ValueError(
            f"{file.path}, line {line}: expected split to be one of {', '.join(NAMES)}, got {named!r}; correct it"
        )
    split = file.split or (split_name(named) if named else split_of(file))
    return Item(f"{row['youtube_id']}_{start:06d}_{end:06d}", row["label"].strip(), split, row["youtube_id"])
