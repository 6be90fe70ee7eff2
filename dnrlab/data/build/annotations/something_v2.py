"""Something-Something V2: one JSON file per split.

    something-something-v2-train.json  [{"id": "78687", "label": "holding potato next to vicks vaporub bottle",
        "template": "Holding [something] next to [something]", "placeholders": ["potato", "vicks vaporub bottle"]}, …]
    something-something-v2-test.json   [{"id": "1420"}, …]
    something-something-v2-labels.json {"Approaching something with your camera": "0", …}

Later releases name them ``train.json``, ``validation.json``, ``test.json``, ``labels.json``. The class is the template
without its brackets. A video's file is ``78687.webm``. The last file fixes the order of the classes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dnrlab.data.build.annotations.items import Annotations, Item, SplitFile, check_labels, split_of


def read_something_v2(files: Sequence[SplitFile]) -> Annotations:
    """The labelled videos in some files. ValueError names the file."""
    items: list[Item] = []
    classes: tuple[str, ...] = ()
    unlabelled = 0
    for file in files:
        content = read_json(file.path)
        if isinstance(content, dict):
            classes = tuple(sorted(content, key=lambda name: int(content[name])))
            continue
        split = split_of(file)
        labelled = [entry for entry in content if entry.get("template")]
        items += [Item(str(entry["id"]), class_of(entry["template"]), split) for entry in labelled]
        unlabelled += len(content) - len(labelled)
    check_labels(files[0].path, [item.label for item in items], classes)
    return Annotations(items, classes, left_out={"without a label": unlabelled} if unlabelled else {})


def class_of(template: str) -> str:
    """``Holding [something]`` is the class ``Holding something``."""
    return template.replace("[", "").replace("]", "")


def read_json(path: Path) -> Any:
    """The content of a JSON file: a list of videos, or an object from class names to their numbers."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(
            f"{path}: expected JSON, got other text ({error}); give a file of Something-Something V2"
        ) from error
    videos = isinstance(content, list) and all(isinstance(each, dict) and "id" in each for each in content)
    numbered = isinstance(content, dict) and all(str(number).isdigit() for number in content.values())
    if not videos and not numbered:
        raise ValueError(
            f"{path}: expected a list of videos with id and template, or an object of class numbers, got "
            f"{type(content).__name__}; give a file of Something-Something V2"
        )
    return content
