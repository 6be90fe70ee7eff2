"""Data sets with several folds, that is, several official train and test splits."""

from collections.abc import Collection


def one_fold(folds: Collection[int]) -> int:
    """The fold of some files. ValueError unless there is exactly one: in two folds a video has two splits."""
    if len(folds) != 1:
        found = ", ".join(map(str, sorted(folds))) or "none"
        raise ValueError(f"expected the files of one fold, got folds {found}; make one manifest per fold")
    return next(iter(folds))
