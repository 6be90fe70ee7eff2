"""Errors of a manifest: what must be fixed in its rows and files. They are found after the files have been decoded."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from dnrlab.data.cards import splits_share_sources
from dnrlab.data.decode.types import VideoError, VideoInfo
from dnrlab.data.manifest import Manifest
from dnrlab.data.packed_rows import Row, seconds
from dnrlab.data.video_span import span_frames

COLUMNS = ["kind", "path", "reason"]


def find_errors(manifest: Manifest, files: pd.DataFrame) -> pd.DataFrame:
    """What must be fixed before the manifest is used: a table with columns ``kind``, ``path`` and ``reason``.

    Args:
        manifest: the manifest.
        files: the facts of its files, from ``read_checked``.
    """
    rows = with_facts(manifest, files)
    sources = table([]) if splits_share_sources(manifest.file) else sources_in_two_splits(rows)
    found = [unreadable(files), empty_spans(rows), repeated(rows), sources, videos_in_two_splits(rows)]
    return pd.concat(found, ignore_index=True)


def with_facts(manifest: Manifest, files: pd.DataFrame) -> pd.DataFrame:
    """The readable rows of a manifest, with the facts of their files.

    New columns: ``frames``, ``fps``, ``times``, ``seeks``, ``digest``, ``note``, and in seconds ``duration``,
    ``start``, ``end``.
    """
    facts = files.set_index("path").loc[manifest.rows["path"]].reset_index(drop=True)
    rows = manifest.rows.reset_index(drop=True).assign(
        frames=facts["num_frames"],
        fps=facts["fps"],
        times=facts["times"],
        seeks=facts["seeks"],
        duration=facts["duration_seconds"],
        digest=facts["digest"],
        note=facts["note"],
        start=seconds(manifest.rows, "start_seconds"),
        end=seconds(manifest.rows, "end_seconds"),
    )
    return rows[facts["reason"] == ""]


def table(found: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Errors as a table."""
    return pd.DataFrame(found, columns=COLUMNS)


def unreadable(files: pd.DataFrame) -> pd.DataFrame:
    """Files that cannot be decoded to their end."""
    bad = files[files["reason"] != ""]
    return bad.assign(kind=[kind_of(reason) for reason in bad["reason"]])[COLUMNS]


def kind_of(reason: str) -> str:
    """The kind of a reason: "stopped after 3 of 9 frames; encode it again" becomes "stopped after N of N frames"."""
    return re.sub(r"\d\S*", "N", re.split(r" \(|[,:;]", reason)[0])


def empty_spans(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose time span holds no frame."""
    reasons = why_empty(rows)
    return table([("a time span without a frame", rows["path"][row], reason) for row, reason in reasons.items()])


def why_empty(rows: pd.DataFrame) -> dict[int, str]:
    """For each row whose time span holds no frame: its index in the table, and the reason."""
    found = {}
    timed = rows[rows["start"].notna() | rows["end"].notna()]
    columns = (timed[name] for name in ("path", "start", "end", "frames", "fps", "times"))
    for row, path, start, end, frames, fps, times in zip(timed.index, *columns, strict=True):
        try:
            span_frames(Row(path, 0, start, end), VideoInfo(frames, fps, tuple(map(float, times.split()))))
        except VideoError as error:
            found[row] = error.reason
    return found


def readable(manifest: Manifest, files: pd.DataFrame) -> Manifest:
    """The rows whose files can be read and whose time spans hold a frame.

    Raises: ValueError if there is no such row.
    """
    rows = with_facts(manifest, files)
    good = rows.index.difference(list(why_empty(rows)))
    if good.empty:
        raise ValueError(
            f"{manifest.file}: expected videos that can be read, got none in {len(manifest.rows)} rows; "
            "run 'dnrlab manifest check' for the reasons"
        )
    return replace(manifest, rows=manifest.rows.reset_index(drop=True).loc[good].reset_index(drop=True))


def repeated(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that show the same part of the same video: one file under two names, or a copy."""
    key = ["digest", "start", "end"]
    again = rows[rows.duplicated(key)]
    first = again[key].merge(rows.drop_duplicates(key), on=key, how="left")["path"]
    return table(
        [
            (
                "a video twice",
                path,
                f"{'another name' if Path(path).samefile(other) else 'a copy'} of {other}; remove one of the two",
            )
            for path, other in zip(again["path"], first, strict=True)
        ]
    )


def sources_in_two_splits(rows: pd.DataFrame) -> pd.DataFrame:
    """Values of the column ``source`` that are in more than one split."""
    leaking = leaks(rows, "source")
    return table([("a source in two splits", path, f"source {name} is in {splits}") for name, path, splits in leaking])


def videos_in_two_splits(rows: pd.DataFrame) -> pd.DataFrame:
    """Videos, compared by their bytes, that are in more than one split."""
    leaking = leaks(rows, "digest")
    return table([("a video in two splits", path, f"this video is in {splits}") for _, path, splits in leaking])


def leaks(rows: pd.DataFrame, column: str) -> list[tuple[str, str, str]]:
    """Values of a column that are in more than one split: (value, a path, text with a path in each split)."""
    if not {"split", column} <= set(rows):
        return []
    found = []
    rows = rows[(rows["split"] != "") & (rows[column] != "")]
    num_splits = rows.groupby(column)["split"].transform("nunique")
    for value, group in rows[num_splits > 1].groupby(column, sort=False):
        first = group.drop_duplicates("split")
        splits = " and in ".join(f"{split} ({path})" for split, path in zip(first["split"], first["path"], strict=True))
        found.append((str(value), first["path"].iloc[0], f"{splits}; keep it in one split"))
    return found
