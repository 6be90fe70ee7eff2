"""Videos that a training cannot read. They stop it, or are left out, counted and listed. They are never replaced."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from torch import Tensor

from dnrlab.data.csv_table import as_text
from dnrlab.data.loading import TrainingBatch, bad_video
from dnrlab.data.manifest import Manifest
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.runs.folder import SKIPPED_IN_TRAINING

COLUMNS = ("path", "start_seconds", "end_seconds", "label", "split")  # if the manifest has them; then reason

log = logging.getLogger("dnrlab")


def readable(
    batches: Iterable[TrainingBatch], manifest: Manifest, bad_videos: str, reasons: dict[int, str]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield clips and labels of the batches. Where ``bad_videos`` is ``skip``, ``reasons`` collects the errors by row.

    Raises: VideoError that names the first bad video, where ``bad_videos`` is ``error``.
    """
    for batch in batches:
        for video in batch.unreadable:
            if bad_videos == "error":
                raise bad_video(manifest, video)
            if video.row not in reasons:
                log.warning(f"left out of the training: {manifest.rows['path'].iloc[video.row]}: {video.reason}")
            reasons[video.row] = video.reason
        yield batch.clips, batch.labels


def write_skipped(run_dir: Path, manifest: Manifest, reasons: dict[int, str]) -> None:
    """Add rows of ``manifest`` to the run's list of bad videos. The list holds each video once, also after resuming."""
    if not reasons:
        return
    rows, file = sorted(reasons), run_dir / SKIPPED_IN_TRAINING
    columns = [name for name in COLUMNS if name in manifest.rows]
    table = manifest.rows.iloc[rows][columns].apply(as_text).assign(reason=[reasons[row] for row in rows])
    if file.is_file():
        table = pd.concat([read_skipped(file), table])
    with atomic_write(file) as unfinished:
        table.drop_duplicates(columns).to_csv(unfinished, index=False)


def count_skipped(run_dir: Path, split: str) -> int:
    """How many videos of a split are in the run's list of bad videos. The list includes those of earlier calls."""
    file = run_dir / SKIPPED_IN_TRAINING
    return int((read_skipped(file)["split"] == split).sum()) if file.is_file() else 0


def read_skipped(file: Path) -> pd.DataFrame:
    """The run's list of bad videos, as text. ValueError if it cannot be read."""
    with explain_read_errors(file, "remove it; videos that cannot be read are listed again"):
        return pd.read_csv(file, dtype=str, keep_default_na=False)
