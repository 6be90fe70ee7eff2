"""Lists without a header: a path and a label per line, with or without the number of frames between them.

The split is given with the file, or stands in its name, or there is none.

    walk/0001.mp4 12            path and label
    walk/0001 120 12            path of a folder of frames, number of frames, label
    walk/0001.mp4,walking       the same, separated by commas, semicolons or tabs

A label is a number, from 0, of a line in the list of classes, or the name itself.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from dnrlab.data.build.annotations.items import Annotations, Item, SplitFile, lines_of
from dnrlab.data.build.extensions import VIDEOS
from dnrlab.data.splits import is_split, split_name

VIDEO = re.compile(
    rf"(.*?(?:{'|'.join(map(re.escape, sorted(VIDEOS, key=len, reverse=True)))}))\s+(\S.*)", re.IGNORECASE
)


def read_list(files: Sequence[SplitFile]) -> Annotations:
    """The videos of the lists. The key of a video is its path in the list. ValueError names file and line."""
    return Annotations(
        [item(file, split_if_any(file), *numbered) for file in files for numbered in lines_of(file.path)]
    )


def split_if_any(file: SplitFile) -> str:
    """The split given with the file or in its name, or empty."""
    words = set(filter(is_split, re.findall(r"[a-z]+", file.path.stem.lower())))
    return file.split or (split_name(words.pop()) if len(words) == 1 else "")


def item(file: SplitFile, split: str, number: int, line: str) -> Item:
    """The video in a line."""
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=next(filter(line.__contains__, ",\t;"), ",")))]
    known = VIDEO.match(line)
    if len(cells) == 1 and known is not None:  # separated by spaces; a path and a label may hold some, too
        cells = [known[1], *known[2].split(None, 1)] if re.match(r"\d+\s", known[2]) else [known[1], known[2]]
    elif len(cells) == 1:
        cells = line.rsplit(None, 2)
        if len(cells) == 3 and not cells[1].isdigit():
            cells = line.rsplit(None, 1)
    if number == 1 and cells[0].lower() in ("path", "video", "file", "filename", "name"):
        raise ValueError(f"{file.path}, line 1: expected a list without a header, got {line!r}; remove this line")
    if len(cells) == 3 and cells[1].isdigit():
        cells = [cells[0], cells[2]]
    if len(cells) != 2 or not all(cells):
        raise ValueError(
            f"{file.path}, line {number}: expected a path and a label, perhaps with the number of frames between them, "
            f"got {line!r}; correct it"
        )
    return Item(cells[0].removeprefix("./"), cells[1], split)


def with_class_names(asked: Annotations, class_list: str | None) -> Annotations:
    """The annotations with names in place of numbers. ``class_list`` is a file with one name per line."""
    if class_list is None:
        return asked
    names = tuple(line for _, line in lines_of(Path(class_list)))
    numbers = {str(number): name for number, name in enumerate(names)}
    wrong = next((each.label for each in asked.items if each.label not in numbers and each.label not in names), None)
    if wrong is not None:
        raise ValueError(
            f"{class_list}: expected labels from 0 to {len(names) - 1} or names in this list, got {wrong!r}; "
            "give the list of these labels"
        )
    items = [each._replace(label=numbers.get(each.label, each.label)) for each in asked.items]
    return asked._replace(items=items, classes=names)
