"""Datasets. They only combine the manifest row, the frame indices, the decoder and the transform."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dnrlab.data.config import DataConfig, clip_indices, view_indices
from dnrlab.data.decode.types import Reader, VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.mirror import mirrored_classes
from dnrlab.data.packed_rows import PackedRows
from dnrlab.data.transforms import Box, crop_boxes, resize_short_side, training_clip
from dnrlab.data.video_span import locate, read_span

Key = tuple[int, int]  # epoch, row: a clip depends on these and the seed, not on its worker process


def seeded_generator(*numbers: int) -> torch.Generator:
    """A generator that depends only on ``numbers``. The first names the use, because (a, b) and (a, b, 0) are equal."""
    (seed,) = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(seed >> np.uint64(1)))  # below 2**63


class Unreadable(NamedTuple):
    """What a dataset returns for a bad video. (An exception would leave its worker with the traceback as text.)"""

    row: int
    reason: str


class TrainingClips(Dataset[tuple[Tensor, int] | Unreadable]):
    """One random clip (3, T, crop, crop) uint8 and its label, by (epoch, row). ``Unreadable`` for a bad video."""

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
    """All views of a video. Every frame is stored once, however many clips and crops contain it."""

    row: int
    frames: Tensor  # (3, F, H, W) uint8, resized, and cut to the area that the crops cover
    frame_positions: Tensor  # (V, T), positions of each clip's frames along F
    boxes: list[Box]  # the crops, within ``frames``

    @property
    def num_views(self) -> int:
        """Clips times crops."""
        return len(self.frame_positions) * len(self.boxes)

    def to(self, device: str) -> "Views":
        """The same views on a device; the copy to a GPU goes on beside other work if memory is pinned."""
        frames, positions = (each.to(device, non_blocking=True) for each in (self.frames, self.frame_positions))
        return self._replace(frames=frames, frame_positions=positions)

    def clip(self, view: int) -> Tensor:
        """View ``view`` (3, T, crop, crop) uint8, on the device of ``frames``. The crops of a clip come together."""
        y, x, h, w = self.boxes[view % len(self.boxes)]
        return self.frames[..., y : y + h, x : x + w][:, self.frame_positions[view // len(self.boxes)]]

    def clips(self) -> Tensor:
        """The views (V * crops, 3, T, crop, crop) uint8, clip by clip, on the device of ``frames``."""
        return torch.stack([self.clip(view) for view in range(self.num_views)])


class VideoViews(Dataset[Views | Unreadable]):
    """The test views of every video. ``Unreadable`` for a bad video, which is never replaced by another."""

    def __init__(
        self, manifest: Manifest, config: DataConfig, reader: Reader, *, num_clips: int = 1, num_crops: int = 1
    ) -> None:
        self.rows, self.config, self.reader = PackedRows(manifest), config, reader
        self.num_clips, self.num_crops = num_clips, num_crops

    def __getitem__(self, row: int) -> Views | Unreadable:
        try:
            video = locate(self.rows[row], self.reader)
            indices = view_indices(video.num_frames, self.config, self.num_clips)  # (V, T)
            unique, positions = indices.unique(return_inverse=True)
            frames = read_span(video, unique, self.reader)  # (F, 3, H, W)
        except VideoError as error:
            return Unreadable(row, error.reason)
        frames = resize_short_side(frames, self.config.short_side)
        boxes = crop_boxes(frames.shape[-2], frames.shape[-1], self.config.crop_size, self.num_crops)
        top, left = min(box[0] for box in boxes), min(box[1] for box in boxes)
        bottom, right = (max(box[side] for box in boxes) + self.config.crop_size for side in (0, 1))
        covered = frames[..., top:bottom, left:right].transpose(0, 1).contiguous()  # (3, F, H, W)
        return Views(row, covered, positions, [(y - top, x - left, h, w) for y, x, h, w in boxes])

    def __len__(self) -> int:
        return len(self.rows)
