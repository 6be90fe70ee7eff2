"""Names of splits: train, val and test, and their usual synonyms in any case."""

import re

SYNONYMS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validate", "validation", "dev", "development"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "holdout"),
}


NAMES = {synonym: split for split, synonyms in SYNONYMS.items() for synonym in synonyms}


AROUND = ("", "set", "split", "data", "videos", "clips")  # words that may stand beside the name


def find_split(text: str) -> str | None:
    """``train``, ``val`` or ``test`` for a synonym such as ``Validation``, ``train_set`` or ``01_Test``; else None."""
    words = [word for word in re.split(r"[\W_]+", text.lower()) if word not in AROUND and not word.isdigit()]
    name = words[0] if len(words) == 1 else ""
    return NAMES.get(name) or NAMES.get(name.removesuffix("set"))


def split_name(text: str) -> str:
    """The split that ``find_split`` finds; any other text as it is."""
    return find_split(text) or text


def is_split(text: str) -> bool:
    """Whether a text names one of the three splits."""
    return find_split(text) is not None


def renamed(texts: set[str]) -> str:
    """A sentence on the names that ``split_name`` changes, or empty: "Train, Valid are read as train, val"."""
    changed = sorted(text for text in texts if split_name(text) != text)
    if not changed:
        return ""
    return f"{', '.join(changed)} {'is' if len(changed) == 1 else 'are'} read as {', '.join(map(split_name, changed))}"
