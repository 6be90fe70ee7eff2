"""Left and right in labels: which class a mirrored clip shows."""

import re
from collections.abc import Sequence

OTHER = {"left": "right", "right": "left"}
# Before a word: anything but a letter, or the hump of a CamelCase name. After it: its endings, then the same.
BEGIN = r"(?:(?<![^\W\d_])|(?<=[^\W\d_])(?=[LR][a-z]))"
END = r"(?=(?:s|wards?|most|hand|handed)?(?:(?![^\W\d_])|(?<=[a-z])[A-Z]))"
WORD = re.compile(rf"{BEGIN}({'|'.join([*OTHER, *map(str.title, OTHER), *map(str.upper, OTHER)])}){END}")
ANYWHERE = re.compile("left|right", re.IGNORECASE)
OTHER_WORDS = re.compile("(up|out|b|f|w|al|copy|forth)right|righteous|leftover|cleft", re.IGNORECASE)


def mirrored_classes(classes: Sequence[str]) -> list[int]:
    """The index of the mirrored class of each class. Mirroring swaps the words left and right.

    The words are found whatever joins them: ``swipe_left``, ``swipe-left``, ``SwipeLeft``, ``LEFT2``, ``leftwards``.
    Within another word they count only if the swapped name is a class as well: ``swipeleft`` beside ``swiperight``.
    A class whose swapped name is not a class stays as it is: ``pulling it right out``, ``standing upright``. The names
    are compared, not the indices, because the order of the labels differs between releases of Something-Something.
    """
    index = {name: number for number, name in enumerate(classes)}
    return [next((index[each] for each in swapped(name) if each in index), index[name]) for name in classes]


def swapped(name: str) -> list[str]:
    """The name with its words left and right swapped, and with these letters swapped anywhere: what to look for."""
    tries = [pattern.sub(lambda word: like(word[0], OTHER[word[0].lower()]), name) for pattern in (WORD, ANYWHERE)]
    return [each for each in tries if each != name]


def like(word: str, other: str) -> str:
    """``other`` in the case of ``word``: LEFT gives RIGHT, Left gives Right."""
    return other.upper() if word.isupper() else other.title() if word[0].isupper() else other


def mirror_warning(classes: Sequence[str]) -> list[str]:
    """A warning if labels contain left or right, but no label changes in a mirrored clip."""
    named = [name for name in classes if ANYWHERE.search(OTHER_WORDS.sub("", name))]
    if not named or mirrored_classes(classes) != list(range(len(classes))):
        return []
    return [
        f"flip is label_aware, but no label has its mirror image among the classes, such as {named[0]!r}: mirrored "
        "clips keep their label; set flip to none in the card if left and right make a difference"
    ]
