"""Your own videos, in one folder per class.

    DIR/walk/0001.mp4          no splits
    DIR/train/walk/0001.mp4    the top folders are named train, val and test, or by synonyms such as Train and valid
    DIR/walk/train/0001.mp4    so are all folders within the class folders

A folder of frames counts as a video. Other folders below the class folders have no meaning.
"""

import logging
from collections.abc import Iterable

from dnrlab.data.build.annotations.items import Annotations, Item
from dnrlab.data.splits import is_split, renamed, split_name

NO_CLASS = "in no class folder"

log = logging.getLogger("dnrlab")


def read_folders(paths: Iterable[str]) -> Annotations:
    """The videos of a tree, given their paths within it. The key of a video is its whole path.

    Raises: ValueError if some top folders are splits and some are not.
    """
    parts = {path: path.split("/") for path in sorted(paths)}
    tops = {each[0] for each in parts.values() if len(each) > 1}
    splits = set(filter(is_split, tops))
    if splits and splits != tops:
        raise ValueError(
            f"expected either class folders, or folders train, val and test that contain class folders, got both: "
            f"{', '.join(sorted(splits))} beside {min(tops - splits)}; move one kind away, or rename the classes"
        )
    label_at, split_at = (1, 0) if splits else (0, None)
    inner = {each[1] for each in parts.values() if len(each) > 2}
    if not splits and inner and all(map(is_split, inner)) and all(len(each) != 2 for each in parts.values()):
        splits, split_at = inner, 1
    if sentence := renamed(splits):
        log.info(f"folders {sentence}")
    inside = {path: each for path, each in parts.items() if len(each) > label_at + 1}
    items = [
        Item(path, each[label_at], "" if split_at is None else split_name(each[split_at]))
        for path, each in inside.items()
    ]
    outside = len(parts) - len(items)
    return Annotations(items, left_out={NO_CLASS: outside} if outside else {})
