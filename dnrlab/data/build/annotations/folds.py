"""Sets that are split in several ways."""

from collections.abc import Collection


def one_fold(folds: Collection[int]) -> int:
    """The only fold of some files. ValueError if there are several, in which a video has several splits."""
    if len(folds) != 1:
        found = ", ".join(map(str, sorted(folds))) or "none"
        raise ValueError(f"expected the files of one fold, got folds {found}; make a manifest of each fold")
    return next(iter(folds))
