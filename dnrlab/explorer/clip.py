"""What the explorer shows of one clip: frames, each network's scores and heat map, gamma and beta over the frames."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dnrlab.data.config import DataConfig
from dnrlab.data.sampling import WINDOW
from dnrlab.data.transforms import normalize
from dnrlab.explain.affine.record import Recorded, record_dynamics
from dnrlab.explain.cam.heatmaps import Explanation, explain_clips
from dnrlab.explain.clips import ClipView, clip_for
from dnrlab.explain.what_if import NOTHING, AffineMeans, WhatIf, changed_network
from dnrlab.explorer.pictures import frame_images, heat_images, num_bytes
from dnrlab.runs.load import Run


class Place(NamedTuple):
    """A clip of a video and how it is looked at."""

    row: int  # of the manifest, from 0
    window: int | None  # which clip of a long video, from 0; None: the middle one
    layer: str
    target: str
    question: WhatIf

    @property
    def unchanged(self) -> "Place":
        """The same without the change."""
        return self._replace(question=NOTHING)

    @property
    def words(self) -> str:
        """The place as a part of a file's name; rows and clips count from 1 there."""
        target = "" if self.target == "predicted" else self.target
        parts = [str(self.row + 1), f"clip{(self.window or 0) + 1}", self.layer, target, self.question.words]
        return "_".join(filter(None, parts))


class Lines(NamedTuple):
    """Gamma and beta that a layer applies to each frame of the clip, each (C, T)."""

    gamma: NDArray[np.float32]
    beta: NDArray[np.float32]


@dataclass
class OfRun:
    """What one network makes of a clip, or why it could not."""

    explanation: Explanation | None = None
    heat: list[bytes] = field(default_factory=list)  # images of the maps
    lines: dict[str, Lines] = field(default_factory=dict)  # by layer; empty without DNR
    error: str = ""


@dataclass
class ClipSeen:
    """A clip, and what each network makes of it, by the network's name. Networks are added as they come."""

    place: Place
    view: ClipView
    frames: list[bytes]
    of_runs: dict[str, OfRun] = field(default_factory=dict)

    @property
    def num_bytes(self) -> int:
        """Memory of its images, clip and maps."""
        maps = [own.explanation.heat.nbytes for own in self.of_runs.values() if own.explanation is not None]
        images = num_bytes(self.frames) + sum(num_bytes(own.heat) for own in self.of_runs.values())
        lines = sum(each.nbytes for own in self.of_runs.values() for line in own.lines.values() for each in line)
        return images + sum(maps) + lines + self.view.frames.nbytes + self.view.clip.nbytes


def num_windows(num_frames: int, data: DataConfig) -> int:
    """Clips that cover a video, side by side: one where a clip's frames come from the whole video.

    300 frames in clips of 8 frames, 8 apart, give 5.
    """
    if data.sampling in ("segments", "twice"):
        return 1
    interval = data.frame_interval if data.sampling == "dense" else max(WINDOW // data.num_frames, 1)
    return max(math.ceil(num_frames / (data.num_frames * interval)), 1)


def see(run: Run, view: ClipView, place: Place, *, means: AffineMeans | None = None, device: str = "cpu") -> OfRun:
    """The prediction, heat map, gamma and beta of a network for a clip.

    Args:
        place: layer, class and change of the network; ``view`` is changed already.
        means: of gamma and beta, for the class mean.

    Raises: what ``explain_clips`` and ``changed_network`` raise.
    """
    with changed_network(run.model, place.question, means):
        (explanation,) = explain_clips(run, [view], layer=place.layer, target=place.target, device=device)
        lines = {}
        if run.recipe.model.dnr is not None:
            with record_dynamics(run.model) as dynamics, torch.inference_mode():
                run.model(normalize(clip_for(run, view)[None].to(device)))
            lines = lines_of(dynamics.records)
    explanation = explanation._replace(heat=explanation.heat.copy())  # not a view of the maps of all frames
    return OfRun(explanation, heat_images(explanation.heat), lines)


def lines_of(records: Sequence[Recorded]) -> dict[str, Lines]:
    """Gamma and beta (C, T) of the first clip, by layer. A layer of both kinds applies their sums."""
    lines: dict[str, Lines] = {}
    for record in records:
        lengths = np.diff(record.edges)
        own = Lines(*(np.repeat(each[0], lengths, axis=1) for each in (record.gamma, record.beta)))
        before = lines.get(record.layer)
        lines[record.layer] = own if before is None else Lines(own.gamma + before.gamma, own.beta + before.beta)
    return lines


def most_moving(lines: Lines, number: int) -> list[int]:
    """The channels whose gamma and beta have the widest range over the frames, each in units of its mean range."""
    ranges = [np.ptp(each, axis=1) for each in lines]
    score = sum(each / max(float(each.mean()), 1e-12) for each in ranges)
    return [int(channel) for channel in np.argsort(-np.asarray(score), kind="stable")[:number]]


def most_moving_layer(lines: dict[str, Lines]) -> str:
    """The layer whose gamma moves most: with the largest mean range over the frames of its channels."""
    return max(lines, key=lambda layer: float(np.ptp(lines[layer].gamma, axis=1).mean()))


def explained(error: Exception) -> str:
    """An error as one line that says what to do."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, torch.OutOfMemoryError):
        return f"expected enough GPU memory, got none left ({line}); choose fewer runs, or device='cpu'"
    return line


def frames_alone(place: Place, view: ClipView) -> ClipSeen:
    """A clip that no network has seen yet."""
    return ClipSeen(place, view, frame_images(view.frames))
