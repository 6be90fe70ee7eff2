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


def check_all(splits: set[str], folders: set[str], wanted: str) -> None:
    """ValueError if some folders are named like splits and others are not."""
    if splits and splits != folders:
        raise ValueError(
            f"expected either {wanted}, got both: {', '.join(sorted(splits))} beside {min(folders - splits)}; "
            "move one kind away, or rename it"
        )


def read_folders(paths: Iterable[str]) -> Annotations:
    """The videos of a tree, given their paths within it. The key of a video is its whole path.

    A single folder around all others, as archives have it, is no class.

    Raises: ValueError if some folders are splits and some beside them are not.
    """
    parts = {path: path.split("/") for path in sorted(paths)}
    wrapper = {each[0] for each in parts.values()}
    if len(wrapper) == 1 and all(len(each) > 2 for each in parts.values()) and not is_split(*wrapper):
        log.info(f"folder {min(wrapper)} holds all others, so it is no class")
        parts = {path: each[1:] for path, each in parts.items()}
    tops = {each[0] for each in parts.values() if len(each) > 1}
    splits = set(filter(is_split, tops))
    check_all(splits, tops, "class folders, or folders train, val and test that contain class folders")
    label_at, split_at = (1, 0) if splits else (0, None)
    if not splits:
        inner = {each[1] if len(each) > 2 else "(videos)" for each in parts.values() if len(each) > 1}
        splits = set(filter(is_split, inner))
        check_all(splits, inner, "folders train, val and test within every class folder, or none")
        split_at = 1 if splits else None
    if sentence := renamed(splits):
        log.info(f"folders {sentence}")
    inside = {path: each for path, each in parts.items() if len(each) > label_at + 1}
    items = [
        Item(path, each[label_at], "" if split_at is None else split_name(each[split_at]))
        for path, each in inside.items()
    ]
    outside = len(parts) - len(items)
    return Annotations(items, left_out={NO_CLASS: outside} if outside else {})
