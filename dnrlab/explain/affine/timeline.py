"""Gamma and beta along a whole video, against time."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import Reader, VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.sampling import following
from dnrlab.data.transforms import evaluation_clips, normalize
from dnrlab.data.video_span import find_video, read_span
from dnrlab.explain.affine.record import record_dynamics
from dnrlab.explain.clips import for_people
from dnrlab.runs.load import Run

log = logging.getLogger("dnrlab")


MIN_POINTS = 8  # points of a curve over time


class Timeline(NamedTuple):
    """The affine parameters of a video over time, and frames to draw above them."""

    label: str
    table: pd.DataFrame  # last_of_each_clip, and seconds (the middle of the group), gamma_change, beta_change
    frames: NDArray[np.uint8]  # (F, side, side, 3)
    frame_seconds: list[float]  # the time of each frame
    clip_seconds: float  # from the first to the last frame of a clip


def timeline(
    run: Run,
    manifest: Manifest,
    row: int,
    *,
    reader: Reader = READER,
    device: str = "cpu",
    max_points: int = 64,
    shown: int = 8,
) -> Timeline:
    """Record gamma and beta of cross-temporal DNR along a whole video, from overlapping clips.

    Every clip has the training's T frames, and its last group gives the point. So the relay has taken equally many
    steps at every point. (In one long clip the number of steps would move gamma and beta more than the video does.)

    Args:
        run: a network with DNR.
        row: which video of the manifest.
        max_points: largest number of clips, evenly spread over the video.
        shown: number of frames for the figure, evenly spread.

    Raises: ValueError if the run has no cross-temporal DNR; VideoError if the video cannot be read or is too short.
    """
    dnr = run.recipe.model.dnr
    if dnr is None or dnr.where == "layer":
        raise ValueError(f"expected a run with cross-temporal DNR, got {dnr or 'batch norm'}; train one with dnr=True")
    video, info = find_video(manifest, row, 0, reader), reader.probe(manifest.rows["path"].iloc[row])
    indices = overlapping_clips(video.num_frames, run.recipe.data.num_frames, max_points)  # (P, T)
    if len(indices) < MIN_POINTS:
        wanted = run.recipe.data.num_frames + MIN_POINTS - 1
        reason = (
            f"expected at least {wanted} frames for a curve over time, got {video.num_frames}; choose a longer video"
        )
        raise VideoError(video.path, reason)
    neighbours = run.recipe.data.frames_per_segment
    used, inverse = following(indices, neighbours, video.num_frames).unique(return_inverse=True)
    data, chosen = run.recipe.data, torch.linspace(float(used[0]), float(used[-1]), shown).round().long()
    crops = {"short_side": data.short_side, "crop_size": data.crop_size, "num_crops": 1}
    parts = [evaluation_clips(read_span(video, part, reader), **crops)[0] for part in used.split(64)]  # saves memory
    clips = normalize(torch.cat(parts, dim=1)[:, inverse].transpose(0, 1).to(device))  # (P, 3, T, crop, crop)
    with record_dynamics(run.model) as dynamics, torch.inference_mode():
        for clip in clips.split(8):
            run.model(clip)
    table = last_of_each_clip(dynamics.table())
    ends = indices.numpy()[table["clip"].to_numpy()[:, None], table[["first_frame", "last_frame"]].to_numpy()]
    middle_frames = ends + neighbours // 2 + video.first_frame  # segments count by their middle frames
    seconds = info.seconds_of(middle_frames).mean(axis=1)
    pictures = for_people(read_span(video, chosen, reader), data, side=160)
    picture_seconds = info.seconds_of((chosen + video.first_frame).numpy())
    table = with_changes(table.assign(seconds=seconds))
    clip_seconds = float(np.ptp(info.seconds_of(indices[0, [0, -1]].numpy() + video.first_frame)))
    return Timeline(manifest.rows["label"].iloc[row], table, pictures, picture_seconds.tolist(), clip_seconds)


def timelines(run: Run, manifest: Manifest, rows: Sequence[int], *, device: str = "cpu") -> dict[int, Timeline]:
    """The timelines of some rows, by their index in ``rows``. A warning names the videos that are too short."""
    found = {}
    for index, row in enumerate(rows):
        try:
            found[index] = timeline(run, manifest, row, device=device)
        except VideoError as error:
            log.warning(f"no timeline: {error}")
    return found


def last_of_each_clip(table: pd.DataFrame) -> pd.DataFrame:
    """The gamma and beta that layers with cross-temporal DNR apply to the last frame group of each clip.

    ``table`` is from ``record_dynamics``. If a norm also has cross-layer DNR, the sum contains its part.
    """
    temporal = table.loc[table["kind"] == "cross_temporal", "layer"].unique()
    last = table[table["layer"].isin(temporal) & (table["last_frame"] == table["last_frame"].max())]
    sums = {"first_frame": "max", "last_frame": "max", "gamma": "sum", "beta": "sum"}
    return last.groupby(["clip", "layer", "channel"], sort=False, as_index=False).agg(sums)


def with_changes(table: pd.DataFrame) -> pd.DataFrame:
    """The table with ``gamma_change`` and ``beta_change``: the difference from the channel's mean over the video."""
    means = table.groupby(["layer", "channel"])[["gamma", "beta"]].transform("mean")
    return table.assign(gamma_change=table["gamma"] - means["gamma"], beta_change=table["beta"] - means["beta"])


def liveliest_layer(table: pd.DataFrame) -> str:
    """The layer whose gamma changes most along the video: with the largest mean absolute change of its channels."""
    return str(table["gamma_change"].abs().groupby(table["layer"]).mean().idxmax())


def overlapping_clips(num_frames: int, clip_len: int, max_points: int) -> Tensor:
    """Frame indices (P, T) of clips that start at every frame, or at ``max_points`` evenly spread frames of them.

    The frames of a clip are evenly spaced, and a clip spans at most half of the video. 24 frames and T = 8 give 17
    clips of neighbouring frames; 300 frames give clips of frames 21 apart.
    """
    interval = max(num_frames // 2 // max(clip_len - 1, 1), 1)
    starts = torch.arange(max(num_frames - (clip_len - 1) * interval, 0))
    if len(starts) > max_points:
        starts = torch.linspace(0, len(starts) - 1, max_points).round().long()
    return starts[:, None] + torch.arange(clip_len) * interval
