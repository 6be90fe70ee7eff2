"""What every reader of official annotations takes and returns."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dnrlab.data.splits import is_split, split_name


class Item(NamedTuple):
    """An annotated video."""

    key: str  # its file name without the extension, or the name of its folder of frames
    label: str
    split: str  # train, val or test; empty if there are no splits
    source: str = ""  # the video that it was cut from; videos of one source look alike


class Annotations(NamedTuple):
    """The content of annotation files."""

    items: list[Item]
    classes: tuple[str, ...] = ()  # in the official order; empty if the files fix none
    fold: int | None = None  # of a set with several folds
    left_out: dict[str, int] = {}  # noqa: RUF012 (never changed) number of videos left out, by reason


class SplitFile(NamedTuple):
    """An annotation file and its split."""

    path: Path
    split: str | None  # None: the file gives the split


def split_file(text: str) -> SplitFile:
    """Parse ``train=FILE`` or ``FILE``. FileNotFoundError if there is no such file."""
    name, _, rest = text.partition("=")
    file = SplitFile(Path(rest), split_name(name)) if rest and is_split(name) else SplitFile(Path(text), None)
    if not file.path.is_file():
        raise FileNotFoundError(f"expected an annotation file at {file.path}, found none; correct the path")
    return file


def split_of(file: SplitFile) -> str:
    """The split given with the file, else the split in its name: ``something-something-v1-validation.csv`` is val.

    Raises: ValueError if the name contains no split, or several.
    """
    if file.split is not None:
        return file.split
    named = {split_name(word) for word in re.findall(r"[a-z]+", file.path.stem.lower()) if is_split(word)}
    if len(named) != 1:
        raise ValueError(
            f"{file.path}: expected one of train, validation and test in the file's name, got {file.path.name}; "
            f"give the split with the file, as in train={file.path}"
        )
    return named.pop()


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, stripped, with their line numbers from 1."""
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip():
            yield number, line.strip()


def check_labels(path: Path, labels: Sequence[str], classes: tuple[str, ...]) -> None:
    """Raise ValueError if there is an official list of classes and a label is not in it."""
    unknown = sorted(set(labels) - set(classes)) if classes else []
    if unknown:
        raise ValueError(
            f"{path}: expected labels from the given list of {len(classes)} classes, got {unknown[0]!r} "
            f"and {len(unknown) - 1} others; give the list of the same release"
        )
