"""Warnings about a manifest: what is unusual but allowed, one sentence each."""

from collections.abc import Iterable

import pandas as pd

from dnrlab.data.cards import splits_share_sources
from dnrlab.data.check.errors import sources_in_two_splits
from dnrlab.data.decode.decord_reader import have_decord
from dnrlab.data.manifest import Manifest
from dnrlab.data.mirror import mirror_warning

NAMED = 10  # the most names that a sentence lists


def find_warnings(manifest: Manifest, readable: pd.DataFrame) -> list[str]:
    """All warnings about a manifest.

    Args:
        manifest: the manifest.
        readable: its readable rows, from ``with_facts``: ``frames``, and ``duration``, ``start``, ``end`` in seconds.
    """
    shared = shared_sources(readable) if splits_share_sources(manifest.file) else []
    mirror = mirror_warning(manifest.classes) if manifest.flip == "label_aware" else []
    odd = [*odd_splits(manifest), *alike_labels(manifest), *mirror]
    files = [*damaged_files(readable), *other_counts(readable), *late_ends(readable), *slow_files(readable)]
    return [*odd, *files, *shared]


def some(names: Iterable[str]) -> str:
    """The first names, and the number of names left out."""
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def odd_splits(manifest: Manifest) -> list[str]:
    """Warnings about missing, empty or unknown splits, and about classes without training videos."""
    if "split" not in manifest.rows:
        return ["no column split: add one with train, val and test, which training and evaluation need"]
    splits = manifest.rows["split"]
    known = set(splits)
    odd = [f"no rows of split {name}" for name in ("train", "val", "test") if name not in known]
    others = sorted({name or "(empty)" for name in known} - {"train", "val", "test"})
    odd += [f"other splits, which are used only if an evaluation names them: {some(others)}"] if others else []
    untrained = sorted(set(manifest.classes) - set(manifest.rows["label"][splits == "train"]))
    return odd + ([f"classes without training videos: {some(untrained)}"] if untrained else [])


def alike_labels(manifest: Manifest) -> list[str]:
    """A warning about labels that differ only in case or spaces."""
    names = pd.Series(manifest.classes, dtype=object)
    folded = [" ".join(name.casefold().split()) for name in manifest.classes]
    alike = [" / ".join(map(repr, group)) for _, group in names.groupby(folded) if len(group) > 1]
    return [f"labels that differ only in case or spaces: {some(alike)}"] if alike else []


def other_counts(readable: pd.DataFrame) -> list[str]:
    """A warning about rows whose column num_frames differs from the decoded count."""
    if "num_frames" not in readable:
        return []
    listed = pd.to_numeric(readable["num_frames"], errors="coerce")
    other = readable[listed.notna() & (listed != readable["frames"])]
    if other.empty:
        return []
    first = f"{other['path'].iloc[0]}: num_frames {other['num_frames'].iloc[0]}, decoded {other['frames'].iloc[0]}"
    return [f"{len(other)} rows whose num_frames differs from the file, such as {first}"]


def late_ends(readable: pd.DataFrame) -> list[str]:
    """A warning about rows whose end is more than half a second after the end of the video."""
    late = readable[(readable["end"] > readable["duration"] + 0.5) & ~(readable["start"] >= readable["duration"])]
    if late.empty:
        return []
    first = f"{late['path'].iloc[0]}: {late['end'].iloc[0]:g} s of {late['duration'].iloc[0]:.4g} s"
    return [f"{len(late)} rows whose end is after the video's end, which is used instead, such as {first}"]


def damaged_files(readable: pd.DataFrame) -> list[str]:
    """A warning about files with signs that frames are missing or damaged."""
    noted = readable[readable["note"] != ""].drop_duplicates("path")
    if noted.empty:
        return []
    first = noted.iloc[0]
    return [
        f"{len(noted)} of {readable['path'].nunique()} files have signs of damage, such as {first['path']}: "
        f"{first['note']}; the indices of later frames may be too low; the column note of the report lists all"
    ]


def slow_files(readable: pd.DataFrame) -> list[str]:
    """A warning about files in which frames are not found by seeking, so that they are read slowly."""
    slow = readable["path"][~readable["seeks"].astype(bool)].drop_duplicates()
    if slow.empty:
        return []
    if not have_decord():
        return ["all files are read slowly, from their start, because decord is not installed"]
    return [
        f"{len(slow)} of {readable['path'].nunique()} files are read slowly, such as {slow.iloc[0]}: decord does not "
        "find their frames by seeking, so they are decoded from their start; encode them as H.264 in MP4"
    ]


def shared_sources(readable: pd.DataFrame) -> list[str]:
    """A warning about sources in two splits where the card says that the official splits share them: not an error."""
    shared = sources_in_two_splits(readable)["reason"]
    if shared.empty:
        return []
    first = shared.iloc[0].removesuffix("; keep it in one split")
    return [f"{len(shared)} sources in two splits, as in the official splits of the set, such as {first}"]
