"""Tables and frames that show what a data set holds, and what a network sees of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from dnrlab.data.config import DataConfig, view_indices
from dnrlab.data.dataset import TrainingClips, Unreadable
from dnrlab.data.decode.types import Frames, Reader, VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.sampling import WINDOW, span
from dnrlab.data.transforms import Box, crop_boxes, resize_short_side
from dnrlab.data.video_span import find_video, read_span

SPLITS = ("train", "val", "test")  # in this order; other splits follow in alphabetical order


def class_counts(manifest: Manifest) -> pd.DataFrame:
    """Number of videos per class (rows, in the order of the logits) and split (columns; ``all`` if there are none)."""
    splits = manifest.rows["split"] if "split" in manifest.rows else pd.Series("all", index=manifest.rows.index)
    counts = pd.crosstab(manifest.rows["label"], splits).reindex(list(manifest.classes), fill_value=0)
    order = [name for name in SPLITS if name in counts] + [name for name in counts if name not in SPLITS]
    return counts[order].rename_axis(columns=None)


def frames_needed(config: DataConfig) -> int:
    """The number of frames that a video needs for a clip without repeated frames: 57 for 8 frames, 8 apart."""
    if config.sampling == "dense":
        return span(config.num_frames, config.frame_interval)
    if config.sampling == "window":
        return WINDOW
    return config.num_frames + config.frames_per_segment - 1


def rows_to_show(manifest: Manifest, count: int) -> list[int]:
    """At most ``count`` rows: first the first row of each class, then the second row of each, and so on."""
    turn = manifest.rows.groupby("label").cumcount()
    label = manifest.rows["label"].map({name: place for place, name in enumerate(manifest.classes)})
    return [int(row) for row in np.lexsort((label, turn))[:count]]


def video_sizes(manifest: Manifest, rows: Sequence[int], reader: Reader) -> pd.DataFrame:
    """Sizes of the files of some rows: columns path, num_bytes, num_frames, height and width (pixels).

    Raises: VideoError that names a video which cannot be read.
    """
    table = []
    for path in manifest.rows["path"].iloc[list(rows)]:
        info = reader.probe(path)  # raises VideoError if there is no such file
        height, width = reader.read_frames(path, np.zeros(1, np.int64)).shape[1:3]
        parts = Path(path).iterdir() if Path(path).is_dir() else [Path(path)]
        table.append((path, sum(part.stat().st_size for part in parts), info.num_frames, height, width))
    return pd.DataFrame(table, columns=["path", "num_bytes", "num_frames", "height", "width"])


class ShownClip(NamedTuple):
    """A training clip as the network sees it."""

    label: str  # for a mirrored clip, the label of the mirrored class
    frames: Frames  # (T, crop, crop, 3); the middle frame of each group of neighbours


def shown_clips(
    manifest: Manifest, config: DataConfig, reader: Reader, rows: Sequence[int], *, seed: int
) -> list[ShownClip]:
    """The clips of some rows in the first epoch of a training with ``seed``, sampled, cropped and mirrored alike.

    Raises: VideoError that names a video which cannot be read.
    """
    clips = TrainingClips(manifest, config, reader, seed)
    shown = []
    for row in rows:
        item = clips[0, row]
        if isinstance(item, Unreadable):
            raise VideoError(manifest.rows["path"].iloc[row], item.reason)
        pixels = item[0].permute(1, 2, 3, 0)[config.frames_per_segment // 2 :: config.frames_per_segment]
        shown.append(ShownClip(manifest.classes[item[1]], pixels.numpy()))
    return shown


class ViewLayout(NamedTuple):
    """The position of a video's views in time and in the frame."""

    frame_indices: np.ndarray  # (V, T), from 0 at the start of the row's time span
    num_frames: int  # in the row's time span
    frame: Frames  # (H, W, 3), the middle frame, resized
    boxes: list[Box]  # crops of that frame: top, left, height, width, in pixels


def view_layout(
    manifest: Manifest, row: int, config: DataConfig, reader: Reader, *, num_clips: int, num_crops: int
) -> ViewLayout:
    """The views of row ``row``: frame indices of its clips, boxes of its crops. VideoError if it cannot be read."""
    video = find_video(manifest, row, 0, reader)
    indices = view_indices(video.num_frames, config, num_clips)
    (middle,) = resize_short_side(
        read_span(video, torch.tensor([video.num_frames // 2]), reader), config.short_side
    )  # (3, H, W)
    boxes = crop_boxes(middle.shape[1], middle.shape[2], config.crop_size, num_crops)
    return ViewLayout(indices.numpy(), video.num_frames, middle.permute(1, 2, 0).numpy(), boxes)
