"""What a heat-map figure is made of: a video's clip, its frames to look at, and what trained networks make of it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnrlab.data.dataset import DataConfig, find_video, read_clips, view_numbers
from dnrlab.data.decode import READER, Reader, VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import evaluation_clips, normalize, to_unit
from dnrlab.explain.gradcam import clip_gradcam
from dnrlab.runs import Run

log = logging.getLogger("dnrlab")


class ClipView(NamedTuple):
    """One clip of a video, twice: as the network takes it, and larger, for people."""

    path: str
    label: str
    clip: Tensor  # (3, T * frames_per_segment, crop, crop) in [0, 1]
    frames: NDArray[np.uint8]  # (T, side, side, 3), the same crop; of segments the middle frames
    numbers: list[int]  # of these frames in the video, from 0
    frame_size: tuple[int, int]  # height and width of the video's frames, pixels


class Explanation(NamedTuple):
    """What a network makes of a clip."""

    predicted: str
    score: float  # softmax, in [0, 1]
    explained: str  # the class that the map speaks of
    heat: NDArray[np.float32]  # (T, crop, crop) in [0, 1]


def view_clip(manifest: Manifest, row: int, data: DataConfig, reader: Reader = READER, *, side: int = 192) -> ClipView:
    """The middle test clip of a video: the view of an evaluation with one clip and one crop.

    ``side`` is the least size of the frames for people, in pixels; a cached reader cannot give more than it kept.

    Raises: VideoError if the video cannot be read; IndexError if the manifest has no such row.
    """
    if not 0 <= row < len(manifest.rows):
        raise IndexError(f"expected a row in [0, {len(manifest.rows)}) of {manifest.file}, got {row}")
    video = find_video(manifest, row, 0, reader)
    numbers = view_numbers(video.num_frames, data, 1)[0]
    frames = read_clips(video, numbers, reader)  # (T, 3, H, W)
    (clip,) = evaluation_clips(frames, short_side=data.short_side, crop_size=data.crop_size, num_crops=1)
    main = middle_frames(data.frames_per_segment)
    shown, shown_numbers = for_people(frames[main], data, side=side), (numbers[main] + video.first_frame).tolist()
    label, size = manifest.rows["label"].iloc[row], (frames.shape[2], frames.shape[3])
    return ClipView(video.path, label, to_unit(clip), shown, shown_numbers, size)


def middle_frames(frames_per_segment: int) -> slice:
    """The middle frame of every segment: all frames of a network that takes single ones."""
    return slice(frames_per_segment // 2, None, frames_per_segment)


def for_people(frames: Tensor, data: DataConfig, *, side: int) -> NDArray[np.uint8]:
    """The centre crop that a network takes of frames (T, 3, H, W) uint8, larger: (T, S, S, 3), S about ``side``."""
    short_side = max(data.short_side, side)
    crop_size = round(short_side * data.crop_size / data.short_side)
    (large,) = evaluation_clips(frames, short_side=short_side, crop_size=crop_size, num_crops=1)
    shown: NDArray[np.uint8] = large.permute(1, 2, 3, 0).numpy()
    return shown


def explain_clips(
    run: Run, views: Sequence[ClipView], *, layer: str, target: str = "predicted", device: str = "cpu"
) -> list[Explanation]:
    """The prediction of a run for each clip, and the Grad-CAM++ map of the predicted class or of the label.

    Args:
        views: at least one; they go through the network together.
        layer: see ``clip_gradcam``.
        target: ``predicted``, ``label``, or the name of a class.

    Raises: ValueError if the class is unknown to the run.
    """
    clips = normalize(torch.stack([clip_for(run, view) for view in views]).to(device))
    with torch.inference_mode():
        scores = run.model(clips).float().softmax(dim=1).cpu()  # (N, classes)
    predicted = [run.classes[int(best)] for best in scores.argmax(dim=1)]
    named = zip(predicted, views, strict=True)
    explained = [{"predicted": guess, "label": view.label}.get(target, target) for guess, view in named]
    unknown = next((name for name in explained if name not in run.classes), None)
    if unknown is not None:
        raise ValueError(f"expected a class of the run, got {unknown!r}; known: {', '.join(run.classes)}")
    heats = clip_gradcam(run.model, clips, [run.classes.index(name) for name in explained], layer)
    heats = heats[:, middle_frames(run.recipe.data.frames_per_segment)]
    best = scores.amax(dim=1).tolist()
    return [Explanation(*each) for each in zip(predicted, best, explained, heats.numpy(), strict=True)]


def numbers_of(frames: NDArray[np.uint8], explained: Mapping[str, Explanation]) -> dict[str, Any]:
    """What a heat-map figure shows, for ``save_figure``: frames and maps as arrays, predictions as a table."""
    heats = {f"heat_{name.replace('/', '_')}": each.heat for name, each in explained.items()}
    rows = [
        {"network": name, "predicted": each.predicted, "score": each.score, "explained": each.explained}
        for name, each in explained.items()
    ]
    return {"frames": frames, **heats, "table": pd.DataFrame(rows)}


def sharp_layer(crop_size: int) -> str:
    """The last stage whose maps have at least 6 x 6 cells: layer4 at 224 pixels, layer2 at 48.

    Late stages know more, early ones are sharper. Stage k of a 2D ResNet has a cell every 2^(k+1) pixels.
    """
    return f"layer{max([1, *(stage for stage in (2, 3, 4) if crop_size / 2 ** (stage + 1) >= 6)])}"


def choose_rows(manifest: Manifest, number: int, data: DataConfig, reader: Reader = READER) -> list[int]:
    """Rows of ``number`` videos of different classes, spread over the classes and within them; the same every time.

    A video that cannot be read is left out with a warning, and the next of its class taken.
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
    """The clips that all runs take; where some take single frames and some segments of five, those of five.

    Raises: ValueError if they differ otherwise, since a figure has one row of frames.
    """
    configs = {run.recipe.data for run in runs}
    kinds = {replace(config, frames_per_segment=1) for config in configs}
    if len(kinds) > 1:
        raise ValueError(f"expected runs that take the same clips, got {len(kinds)} kinds: {kinds}")
    return max(configs, key=lambda config: config.frames_per_segment)


def clip_for(run: Run, view: ClipView) -> Tensor:
    """The clip as a run takes it (3, T * frames_per_segment, crop, crop): of segments all frames or the middle ones."""
    wanted, given = run.recipe.data.frames_per_segment, view.clip.shape[1] // len(view.numbers)
    return view.clip if wanted == given else view.clip[:, middle_frames(given)]
