"""What makes a manifest of less use though nothing in it is wrong, in sentences."""

from collections.abc import Iterable

import pandas as pd

from dnrlab.data.cards import splits_share_sources
from dnrlab.data.check.errors import sources_in_two_splits
from dnrlab.data.manifest import Manifest

NAMED = 10  # names that a sentence lists


def find_warnings(manifest: Manifest, readable: pd.DataFrame) -> list[str]:
    """All that is odd; none if all is well.

    Args:
        manifest: as read.
        readable: its rows whose files can be read, with ``frames``, ``duration``, ``start`` and ``end`` (seconds).
    """
    shared = shared_sources(readable) if splits_share_sources(manifest.file) else []
    return [*odd_splits(manifest), *alike_labels(manifest), *other_counts(readable), *late_ends(readable), *shared]


def some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def odd_splits(manifest: Manifest) -> list[str]:
    """Splits that are missing, empty or unknown, and classes that no training video shows."""
    if "split" not in manifest.rows:
        return ["no column split: fill one with train, val and test to train and to evaluate"]
    splits = manifest.rows["split"]
    known = set(splits)
    odd = [f"no rows of split {name}" for name in ("train", "val", "test") if name not in known]
    others = sorted({name or "(empty)" for name in known} - {"train", "val", "test"})
    odd += [f"other splits, which only an evaluation takes when it names them: {some(others)}"] if others else []
    untrained = sorted(set(manifest.classes) - set(manifest.rows["label"][splits == "train"]))
    return odd + ([f"classes without training videos: {some(untrained)}"] if untrained else [])


def alike_labels(manifest: Manifest) -> list[str]:
    """Labels that differ in case or spaces alone."""
    names = pd.Series(manifest.classes, dtype=object)
    folded = [" ".join(name.casefold().split()) for name in manifest.classes]
    alike = [" / ".join(map(repr, group)) for _, group in names.groupby(folded) if len(group) > 1]
    return [f"labels that differ in case or spaces alone: {some(alike)}"] if alike else []


def other_counts(readable: pd.DataFrame) -> list[str]:
    """Rows whose own num_frames is not what was decoded."""
    if "num_frames" not in readable:
        return []
    said = pd.to_numeric(readable["num_frames"], errors="coerce")
    other = readable[said.notna() & (said != readable["frames"])]
    if other.empty:
        return []
    first = f"{other['path'].iloc[0]} says {other['num_frames'].iloc[0]}, and has {other['frames'].iloc[0]}"
    return [f"{len(other)} rows whose num_frames is not that of the file, such as {first}"]


def late_ends(readable: pd.DataFrame) -> list[str]:
    """Rows that end more than half a second after their video."""
    late = readable[(readable["end"] > readable["duration"] + 0.5) & ~(readable["start"] >= readable["duration"])]
    if late.empty:
        return []
    first = f"{late['path'].iloc[0]}: {late['end'].iloc[0]:g} s of {late['duration'].iloc[0]:.4g} s"
    return [f"{len(late)} rows that end after their video, and then with it, such as {first}"]


def shared_sources(readable: pd.DataFrame) -> list[str]:
    """Sources that the official splits of a set share, as its card says: no fault of this manifest."""
    shared = sources_in_two_splits(readable)["reason"]
    if shared.empty:
        return []
    first = shared.iloc[0].removesuffix("; keep it in one split")
    return [f"{len(shared)} sources in two splits, as the set's official splits have it, such as {first}"]
