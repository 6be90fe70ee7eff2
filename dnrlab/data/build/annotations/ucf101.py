"""UCF-101: two lists per fold.

    trainlist01.txt  ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1
    testlist01.txt   ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi
    classInd.txt     1 ApplyEyeMakeup

The clips of a group (``g08`` of a class) come from one video. The last file fixes the order of the classes.
"""

import re
from collections.abc import Sequence

from dnrlab.data.build.annotations.folds import one_fold
from dnrlab.data.build.annotations.items import Annotations, Item, SplitFile, check_labels, lines_of

LIST = re.compile(r"(train|test)list0?(\d)")


CLIP = re.compile(r"(?P<label>[^/]+)/(?P<key>v_\w+_g(?P<group>\d+)_c\d+)\.avi(?: \d+)?")


def read_ucf101(files: Sequence[SplitFile]) -> Annotations:
    """The videos in the lists of one fold. ValueError names file and line."""
    items: list[Item] = []
    classes: tuple[str, ...] = ()
    folds = set()
    for file in files:
        if file.path.stem == "classInd":
            classes = tuple(line.split()[-1] for _, line in lines_of(file.path))
            continue
        named = LIST.match(file.path.stem)
        if named is None:
            raise ValueError(
                f"{file.path}: expected trainlist01.txt, testlist01.txt (or 02, 03) or classInd.txt, "
                f"got {file.path.name}; give the official files"
            )
        folds.add(int(named[2]))
        items += [item(file, file.split or named[1], *numbered) for numbered in lines_of(file.path)]
    check_labels(files[0].path, [item.label for item in items], classes)
    return Annotations(items, classes, fold=one_fold(folds))


def item(file: SplitFile, split: str, number: int, line: str) -> Item:
    """The clip in a line."""
    clip = CLIP.fullmatch(line)
    if clip is None:
        raise ValueError(f"{file.path}, line {number}: expected CLASS/v_CLASS_gNN_cNN.avi, got {line!r}; correct it")
    return Item(clip["key"], clip["label"], split, f"{clip['label']}_g{clip['group']}")
