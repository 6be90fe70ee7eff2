"""Your own videos, in one folder per class.

    DIR/walk/0001.mp4          no splits
    DIR/train/walk/0001.mp4    the top folders are named train, val and test

A folder of JPEG frames counts as a video. Folders below the class folders have no meaning.
"""

from collections.abc import Iterable

from dnrlab.data.build.annotations.items import SPLITS, Annotations, Item


def read_folders(paths: Iterable[str]) -> Annotations:
    """The videos of a tree, given their paths within it. The key of a video is its whole path.

    Raises: ValueError if some top folders are splits and some are not.
    """
    parts = {path: path.split("/") for path in sorted(paths)}
    inside = {path: each for path, each in parts.items() if len(each) > 1}
    tops = {each[0] for each in inside.values()}
    splits = tops & set(SPLITS)
    if splits and splits != tops:
        raise ValueError(
            f"expected either class folders, or folders train, val and test that contain class folders, got both: "
            f"{', '.join(sorted(splits))} beside {min(tops - splits)}; move one kind away, or rename the classes"
        )
    depth = 1 if splits else 0
    items = [
        Item(path, each[depth], SPLITS[each[0]] if splits else "")
        for path, each in inside.items()
        if len(each) > depth + 1
    ]
    outside = len(parts) - len(items)
    return Annotations(items, left_out={"in no class folder": outside} if outside else {})
