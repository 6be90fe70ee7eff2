"""Names of splits: train, val and test, and their usual synonyms in any case."""

SYNONYMS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validate", "validation", "dev", "development"),
    "test": ("test", "testing", "tst"),
}


NAMES = {synonym: split for split, synonyms in SYNONYMS.items() for synonym in synonyms}


def split_name(text: str) -> str:
    """``train``, ``val`` or ``test`` for a synonym such as ``Validation``; any other text as it is."""
    return NAMES.get(text.strip().lower(), text)


def is_split(text: str) -> bool:
    """Whether a text names one of the three splits."""
    return text.strip().lower() in NAMES


def renamed(texts: set[str]) -> str:
    """A sentence on the names that ``split_name`` changes, or empty: "Train, Valid are read as train, val"."""
    changed = sorted(text for text in texts if split_name(text) != text)
    if not changed:
        return ""
    return f"{', '.join(changed)} {'is' if len(changed) == 1 else 'are'} read as {', '.join(map(split_name, changed))}"
