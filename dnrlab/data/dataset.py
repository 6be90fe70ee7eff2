"""Datasets: they join manifest row, frame numbers, decoding and transform, and decide nothing themselves."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dnrlab.data.config import DataConfig, clip_indices, view_indices
from dnrlab.data.decode.types import Reader, VideoError
from dnrlab.data.manifest import Manifest, mirrored_classes
from dnrlab.data.packed_rows import PackedRows
from dnrlab.data.transforms import Box, crop_boxes, resize_short_side, training_clip
from dnrlab.data.video_span import locate, read_span

Key = tuple[int, int]  # epoch, row: a clip depends on these and the seed, not on the worker that makes it


def seeded_generator(*numbers: int) -> torch.Generator:
    """A generator that depends on ``numbers`` alone; the first keeps uses apart, as (a, b) and (a, b, 0) are alike."""
    (seed,) = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(seed >> np.uint64(1)))  # below 2**63


class Unreadable(NamedTuple):
    """In place of a video that could not be read. (An exception would leave a worker with its traceback as text.)"""

    row: int
    reason: str


class TrainingClips(Dataset[tuple[Tensor, int] | Unreadable]):
    """One random clip (3, T, crop, crop) uint8 and its label, by (epoch, row); of a bad video the reason."""

    def __init__(self, manifest: Manifest, config: DataConfig, reader: Reader, seed: int) -> None:
        self.rows, self.config, self.reader, self.seed = PackedRows(manifest), config, reader, seed
        self.flip = manifest.flip != "none"
        self.mirrored = mirrored_classes(manifest.classes) if manifest.flip == "label_aware" else None

    def __getitem__(self, key: Key) -> tuple[Tensor, int] | Unreadable:
        epoch, row = key
        generator = seeded_generator(2, self.seed, epoch, row)
        try:
            video = locate(self.rows[row], self.reader)
            frames = read_span(video, clip_indices(video.num_frames, self.config, generator), self.reader)
        except VideoError as error:
            return Unreadable(row, error.reason)
        clip, mirrored = training_clip(
            frames,
            short_side=self.config.short_side,
            crop_size=self.config.crop_size,
            scales=self.config.scales,
            flip=self.flip,
            generator=generator,
            crop_positions=self.config.crop_positions,
        )
        return clip, self.mirrored[video.label] if mirrored and self.mirrored else video.label

    def __len__(self) -> int:
        return len(self.rows)


class Views(NamedTuple):
    """All views of a video, as what they are cut from: every frame once, however many clips and crops show it."""

    row: int
    frames: Tensor  # (3, F, H, W) uint8, resized; the part of them that any crop shows
    numbers: Tensor  # (V, T), the places in ``frames`` of each clip's frames
    boxes: list[Box]  # of the crops, within ``frames``

    @property
    def number(self) -> int:
        """How many views there are."""
        return len(self.numbers) * len(self.boxes)

    def clip(self, view: int) -> Tensor:
        """View ``view`` (3, T, crop, crop) uint8, on the device of ``frames``; those of a clip follow each other."""
        y, x, h, w = self.boxes[view % len(self.boxes)]
        return self.frames[..., y : y + h, x : x + w][:, self.numbers[view // len(self.boxes)]]

    def clips(self) -> Tensor:
        """The views (V * crops, 3, T, crop, crop) uint8, clip by clip, on the device of ``frames``."""
        return torch.stack([self.clip(view) for view in range(self.number)])


class VideoViews(Dataset[Views | Unreadable]):
    """The test views of every video; one that cannot be read gives its reason instead, and never another video."""

    def __init__(
        self, manifest: Manifest, config: DataConfig, reader: Reader, *, num_clips: int = 1, num_crops: int = 1
    ) -> None:
        self.rows, self.config, self.reader = PackedRows(manifest), config, reader
        self.num_clips, self.num_crops = num_clips, num_crops

    def __getitem__(self, row: int) -> Views | Unreadable:
        try:
            video = locate(self.rows[row], self.reader)
            numbers = view_indices(video.num_frames, self.config, self.num_clips)  # (V, T)
            used, places = numbers.unique(return_inverse=True)
            frames = read_span(video, used, self.reader)  # (F, 3, H, W)
        except VideoError as error:
            return Unreadable(row, error.reason)
        frames = resize_short_side(frames, self.config.short_side)
        boxes = crop_boxes(frames.shape[-2], frames.shape[-1], self.config.crop_size, self.num_crops)
        top, left = min(box[0] for box in boxes), min(box[1] for box in boxes)
        bottom, right = (max(box[side] for box in boxes) + self.config.crop_size for side in (0, 1))
        seen = frames[..., top:bottom, left:right].transpose(0, 1).contiguous()  # the planes of a colour together
        return Views(row, seen, places, [(y - top, x - left, h, w) for y, x, h, w in boxes])

    def __len__(self) -> int:
        return len(self.rows)
