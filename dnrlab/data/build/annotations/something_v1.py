"""Something-Something V1: one CSV file per split, without a header, with semicolons between cells.

    something-something-v1-train.csv       100218;Something falling like a feather or paper
    something-something-v1-validation.csv  74225;Opening something
    something-something-v1-test.csv        42326
    something-something-v1-labels.csv      Holding something

The videos are folders of JPEG frames, named by the video's number. The last file fixes the order of the classes.
"""

from collections.abc import Sequence

from dnrlab.data.build.annotations.items import Annotations, Item, SplitFile, check_labels, lines_of, split_of


def read_something_v1(files: Sequence[SplitFile]) -> Annotations:
    """The labelled videos in some files. ValueError names file and line."""
    items: list[Item] = []
    classes: tuple[str, ...] = ()
    unlabelled = 0
    for file in files:
        if "labels" in file.path.stem:
            classes = tuple(line for _, line in lines_of(file.path))
            continue
        split = split_of(file)
        for number, line in lines_of(file.path):
            key, _, label = line.partition(";")
            if not key.isdigit():
                raise ValueError(f"{file.path}, line {number}: expected NUMBER;LABEL, got {line!r}; correct the line")
            if label:
                items.append(Item(key, label.strip(), split))
            else:
                unlabelled += 1
    check_labels(files[0].path, [item.label for item in items], classes)
    return Annotations(items, classes, left_out={"without a label": unlabelled} if unlabelled else {})
