"""HMDB-51, and JHMDB, whose files have the same form: one file per class and fold.

    brush_hair_test_split1.txt  April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1
                                Blonde_being_brushed_brush_hair_f_nm_np2_ri_med_0.avi 2

1 means train, 2 test, 0 neither. A name consists of the film, the class, and properties of the clip: visible body
parts, camera motion, number of people, viewpoint, quality, and a number.
"""

import re
from collections.abc import Sequence

from dnrlab.data.build.annotations.folds import one_fold
from dnrlab.data.build.annotations.items import Annotations, Item, SplitFile, lines_of

LIST = re.compile(r"(?P<label>.+)_test_split(?P<fold>\d)")


CLIP = re.compile(r"(?P<key>.+)\.avi (?P<part>[012])")


PROPERTIES = re.compile(r"_[fhlu]_(?:cm|nm)_np\d+_(?:ba|fr|le|ri)_(?:bad|goo|med)_\d+$")


PARTS = {"1": "train", "2": "test"}


def read_hmdb51(files: Sequence[SplitFile]) -> Annotations:
    """The videos in the files of one fold. ValueError names file and line."""
    items, folds, unused = [], set(), 0
    for file in files:
        named = LIST.fullmatch(file.path.stem)
        if named is None:
            raise ValueError(
                f"{file.path}: expected a name like brush_hair_test_split1.txt, got {file.path.name}; "
                "give the files of one fold"
            )
        folds.add(int(named["fold"]))
        for number, line in lines_of(file.path):
            clip = CLIP.fullmatch(line)
            if clip is None:
                raise ValueError(
                    f"{file.path}, line {number}: expected NAME.avi and 0, 1 or 2, got {line!r}; correct the line"
                )
            if clip["part"] in PARTS:
                source = film(clip["key"], named["label"])
                items.append(Item(clip["key"], named["label"], PARTS[clip["part"]], source))
            else:
                unused += 1
    left_out = {"in neither train nor test": unused} if unused else {}
    return Annotations(items, fold=one_fold(folds), left_out=left_out)


def film(key: str, label: str) -> str:
    """The film in a name: ``April_09`` in ``April_09_brush_hair_u_nm_np1_ba_goo_0``."""
    return PROPERTIES.sub("", key).removesuffix(f"_{label}")
