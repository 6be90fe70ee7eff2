"""Videos that a training cannot read: the first stops it, or they are left out, counted and listed; never replaced."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from torch import Tensor

from dnrlab.data.loading import TrainingBatch, bad_video
from dnrlab.data.manifest import Manifest
from dnrlab.files import atomic_write
from dnrlab.runs.folder import SKIPPED_IN_TRAINING

COLUMNS = ("path", "start_seconds", "end_seconds", "label", "split")  # those that the manifest has; then reason

log = logging.getLogger("dnrlab")


def readable(
    batches: Iterable[TrainingBatch], manifest: Manifest, bad_videos: str, reasons: dict[int, str]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Clips and labels of the batches; with ``skip`` the reasons of bad videos are added to ``reasons``, by row.

    Raises: VideoError naming the first bad video, where ``bad_videos`` is ``error``.
    """
    for batch in batches:
        for each in batch.unreadable:
            if bad_videos == "error":
                raise bad_video(manifest, each)
            if each.row not in reasons:
                log.warning(f"left out of the training: {manifest.rows['path'].iloc[each.row]}: {each.reason}")
            reasons[each.row] = each.reason
        yield batch.clips, batch.labels


def write_skipped(run_dir: Path, manifest: Manifest, reasons: dict[int, str]) -> None:
    """Add rows of ``manifest`` to the run's list of bad videos, each once, however often it is met or resumed."""
    if not reasons:
        return
    rows, file = sorted(reasons), run_dir / SKIPPED_IN_TRAINING
    columns = [name for name in COLUMNS if name in manifest.rows]
    table = manifest.rows.iloc[rows][columns].astype(str).assign(reason=[reasons[row] for row in rows])
    if file.is_file():
        table = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False), table])
    with atomic_write(file) as unfinished:
        table.drop_duplicates(columns).to_csv(unfinished, index=False)


def count_skipped(run_dir: Path, split: str) -> int:
    """How many videos of a split the run's list of bad videos holds, those of calls before among them."""
    file = run_dir / SKIPPED_IN_TRAINING
    return int((pd.read_csv(file, dtype=str)["split"] == split).sum()) if file.is_file() else 0
