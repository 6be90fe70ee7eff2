"""The clips that are explained: which videos, and their frames as network input and as larger pictures."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from dnrlab.data.config import DataConfig, view_indices
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import Reader, VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import evaluation_clips, to_unit
from dnrlab.data.video_span import find_video, read_span
from dnrlab.evaluation.intervals import MIN_SOURCES
from dnrlab.runs.load import Run

log = logging.getLogger("dnrlab")


class ClipView(NamedTuple):
    """One clip of a video in two sizes: as network input, and larger for people."""

    path: str
    label: str
    clip: Tensor  # (3, T * frames_per_segment, crop, crop) in [0, 1]
    frames: NDArray[np.uint8]  # (T, side, side, 3), the same crop; the middle frame of each segment
    frame_indices: list[int]  # of these frames in the video, from 0
    seconds: list[float]  # of these frames after the first frame of the video; nan where the rate is unknown
    frame_size: tuple[int, int]  # height and width of the video's frames, pixels


def view_clip(
    manifest: Manifest,
    row: int,
    data: DataConfig,
    reader: Reader = READER,
    *,
    side: int = 192,
    clip: int = 0,
    num_clips: int = 1,
) -> ClipView:
    """A test clip of a video and its centre crop: by default the middle one, of an evaluation with one clip.

    ``side`` is the smallest size of the frames for people, in pixels. A cached reader cannot give more than it stored.
    ``clip`` is one of the ``num_clips`` test clips, from 0.

    Raises: VideoError if the video cannot be read; IndexError if the manifest has no such row.
    """
    if not 0 <= row < len(manifest.rows):
        raise IndexError(
            f"expected a row in [0, {len(manifest.rows)}) of {manifest.file}, got {row}; choose one of its rows"
        )
    video = find_video(manifest, row, 0, reader)
    indices = view_indices(video.num_frames, data, num_clips)[clip]  # in the row's span of the video
    frames = read_span(video, indices, reader)  # (T, 3, H, W)
    (crop,) = evaluation_clips(frames, short_side=data.short_side, crop_size=data.crop_size, num_crops=1)
    main = middle_frames(data.frames_per_segment)
    shown, shown_indices = for_people(frames[main], data, side=side), (indices[main] + video.first_frame).numpy()
    seconds = reader.probe(manifest.rows["path"].iloc[row]).seconds_of(shown_indices).tolist()
    label, size = manifest.rows["label"].iloc[row], (frames.shape[2], frames.shape[3])
    return ClipView(video.path, label, to_unit(crop), shown, shown_indices.tolist(), seconds, size)


def middle_frames(frames_per_segment: int) -> slice:
    """The middle frame of every segment; with one frame per segment all frames."""
    return slice(frames_per_segment // 2, None, frames_per_segment)


def for_people(frames: Tensor, data: DataConfig, *, side: int) -> NDArray[np.uint8]:
    """The network's centre crop of frames (T, 3, H, W) uint8, but larger: (T, S, S, 3), S about ``side``."""
    short_side = max(data.short_side, side)
    crop_size = round(short_side * data.crop_size / data.short_side)
    (large,) = evaluation_clips(frames, short_side=short_side, crop_size=crop_size, num_crops=1)
    shown: NDArray[np.uint8] = large.permute(1, 2, 3, 0).numpy()
    return shown


def choose_rows(manifest: Manifest, number: int, data: DataConfig, reader: Reader = READER) -> list[int]:
    """Rows of ``number`` videos, spread over the classes and within each class; the same rows every time.

    A video that cannot be read is left out with a warning. The next video of its class takes its place.
    """
    by_class = [group.index.to_list() for _, group in manifest.rows.groupby("label")]
    classes = np.unique(np.linspace(0, len(by_class) - 1, min(number, len(by_class))).round().astype(int))
    chosen: list[int] = []
    for turn in range(number):
        rows = by_class[classes[turn % len(classes)]]
        start = turn * len(rows) // number
        for row in rows[start:] + rows[:start]:
            if row not in chosen and can_view(manifest, row, data, reader):
                chosen.append(row)
                break
    return chosen


def can_view(manifest: Manifest, row: int, data: DataConfig, reader: Reader) -> bool:
    """Whether the clip of a video can be read; a warning says why not."""
    try:
        view_clip(manifest, row, data, reader, side=1)
    except VideoError as error:
        log.warning(f"left out: {error}")
        return False
    return True


def same_clips(runs: Sequence[Run]) -> DataConfig:
    """The clips that fit all runs. If some runs take single frames and some segments of five: segments of five.

    Raises: ValueError if the settings differ in anything else, since a figure has one row of frames.
    """
    configs = {run.recipe.data for run in runs}
    kinds = {replace(config, frames_per_segment=1) for config in configs}
    if len(kinds) > 1:
        raise ValueError(
            f"expected runs with the same clips, got {len(kinds)} different settings: {kinds}; compare them separately"
        )
    return max(configs, key=lambda config: config.frames_per_segment)


def clip_for(run: Run, view: ClipView) -> Tensor:
    """The clip as a run takes it, (3, T * frames_per_segment, crop, crop): all frames of a segment or the middle."""
    wanted, given = run.recipe.data.frames_per_segment, view.clip.shape[1] // len(view.frame_indices)
    return view.clip if wanted == given else view.clip[:, middle_frames(given)]


BATCH = 16  # clips


def spread_rows(labels: Sequence[str], wanted: int) -> list[int]:
    """About ``wanted`` rows: equally many of every label, evenly spread within it, at least one each.

    All rows if ``wanted`` is 0 or at least the number of rows. 4 of the labels a, a, a, b, b, b gives 0, 2, 3, 5.
    """
    if not 0 < wanted < len(labels):
        return list(range(len(labels)))
    of_label = pd.Series(range(len(labels))).groupby(np.asarray(labels)).apply(list)
    each = max(round(wanted / len(of_label)), 1)
    spread = [np.linspace(0, len(own) - 1, min(each, len(own))).round().astype(int) for own in of_label]
    return sorted(own[index] for own, chosen in zip(of_label, spread, strict=True) for index in chosen)


def sources_of(manifest: Manifest) -> list[str]:
    """The source of each row: column ``source`` or ``scene`` of the manifest, else the path of the video.

    It is also the path if there are fewer than ``MIN_SOURCES`` sources, too few for an interval.
    """
    known = [name for name in ("source", "scene") if name in manifest.rows]
    column = next((name for name in known if manifest.rows[name].nunique() >= MIN_SOURCES), "path")
    return [str(value) for value in manifest.rows[column]]


def read_views(
    manifest: Manifest, rows: Sequence[int], data: DataConfig, batch_size: int
) -> Iterator[tuple[list[int], list[ClipView]]]:
    """Batches of rows and of the clips of their videos. A warning names each video that cannot be read.

    Raises: ValueError if no video can be read.
    """
    found = 0
    for start in range(0, len(rows), batch_size):
        batch_rows, views = [], []
        for row in rows[start : start + batch_size]:
            try:
                views.append(view_clip(manifest, row, data, side=1))
            except VideoError as error:
                log.warning(f"left out: {error}")
            else:
                batch_rows.append(row)
        found += len(views)
        if views:
            yield batch_rows, views
    if not found:
        raise ValueError(
            f"expected at least one readable video of {len(rows)} in {manifest.file}, got none; "
            f"run `dnrlab manifest check {manifest.file}`"
        )
