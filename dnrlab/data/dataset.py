"""Datasets: they join manifest row, frame numbers, decoding and transform, and decide nothing themselves."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dnrlab.data import sampling
from dnrlab.data.decode import DECODERS, Reader, VideoError
from dnrlab.data.manifest import Manifest, mirrored_classes
from dnrlab.data.rows import PackedRows, Video, locate, one_row
from dnrlab.data.transforms import PLACES, SCALES, Box, crop_boxes, resize_short_side, training_clip

SAMPLINGS = ("segments", "twice", "dense", "window")
Key = tuple[int, int]  # epoch, row: a clip depends on these and the seed, not on the worker that makes it


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What a clip is. The defaults are those of DNR on Kinetics.

    ``twice`` trains as ``segments`` and may be tested with two clips: the middle frame of each part, and its first.
    """

    sampling: str = "dense"  # dense: frame_interval apart; segments, or twice: one of each part; window: over 64 frames
    num_frames: int = 8  # T, frames a clip, or segments of several neighbouring frames
    frames_per_segment: int = 1  # neighbouring frames in place of each; a recipe takes what its network wants
    frame_interval: int = 8  # frames from one to the next of a dense clip
    past_end: str = "loop"  # what a video shorter than the clip does: loop or repeat_last
    short_side: int = 256  # pixels, before cropping
    crop_size: int = 224  # pixels
    scales: tuple[float, ...] = SCALES  # of the multi-scale training crop
    decoder: str = "auto"  # auto (decord, and PyAV where it must), decord or pyav
    crop_positions: int = 5  # of that crop: 5 (TSN, DNR) or 13 (TSM, TANet, TDN)

    def __post_init__(self) -> None:
        if self.sampling not in SAMPLINGS or self.past_end not in sampling.PAST_END:
            raise ValueError(
                f"expected sampling in {SAMPLINGS} and past_end in {sampling.PAST_END}, "
                f"got {self.sampling!r} and {self.past_end!r}"
            )
        if self.decoder not in DECODERS:
            raise ValueError(f"expected a decoder of {', '.join(DECODERS)}, got {self.decoder!r}")
        if self.sampling != "segments" and self.frames_per_segment > 1:
            raise ValueError(
                f"expected sampling segments for a network of {self.frames_per_segment} neighbouring frames (TDN), "
                f"got {self.sampling!r}"
            )
        names = ("num_frames", "frames_per_segment", "frame_interval", "crop_size", "short_side")
        numbers = {name: getattr(self, name) for name in names}
        small = [f"{name} of {value}" for name, value in numbers.items() if value < 1]
        if small:
            raise ValueError(f"expected numbers of at least 1, got {' and '.join(small)}")
        if self.crop_size > self.short_side:
            raise ValueError(
                f"expected a crop within the frame, got crop_size {self.crop_size} and short_side {self.short_side} "
                "(pixels); lower crop_size or raise short_side"
            )
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise ValueError(f"expected scales in (0, 1], got {self.scales}")
        if self.crop_positions not in PLACES:
            raise ValueError(f"expected crop_positions in {tuple(PLACES)}, got {self.crop_positions}")


def clip_shape(config: DataConfig) -> tuple[int, int, int, int]:
    """Of a clip, without its batch: (3, T * frames_per_segment, crop, crop)."""
    return 3, config.num_frames * config.frames_per_segment, config.crop_size, config.crop_size


def clip_numbers(num_frames: int, config: DataConfig, generator: torch.Generator) -> Tensor:
    """Frame numbers (T * frames_per_segment,) of a training clip of a video of ``num_frames``."""
    clip_len, neighbours = config.num_frames, config.frames_per_segment
    if config.sampling == "segments" and neighbours > 1:
        return sampling.neighbour_indices(num_frames, clip_len, neighbours, generator)
    if config.sampling in ("segments", "twice"):
        return sampling.segment_indices(num_frames, clip_len, generator)
    if config.sampling == "window":
        indices = sampling.window_indices(num_frames, clip_len, generator)
    else:
        indices = sampling.dense_indices(num_frames, clip_len, config.frame_interval, generator)
    return sampling.within_video(indices, num_frames, config.past_end)


def view_numbers(num_frames: int, config: DataConfig, num_clips: int) -> Tensor:
    """Frame numbers (V, T * frames_per_segment) of the test clips of a video of ``num_frames``."""
    clip_len, neighbours = config.num_frames, config.frames_per_segment
    if config.sampling == "segments" and neighbours > 1:
        return sampling.neighbour_test_indices(num_frames, clip_len, neighbours, num_clips)
    if config.sampling == "segments":
        return sampling.segment_test_indices(num_frames, clip_len, num_clips)
    if config.sampling == "twice":
        return sampling.twice_test_indices(num_frames, clip_len, num_clips)
    if config.sampling == "window":
        indices = sampling.window_test_indices(num_frames, clip_len, num_clips)
    else:
        indices = sampling.dense_test_indices(num_frames, clip_len, config.frame_interval, num_clips)
    return sampling.within_video(indices, num_frames, config.past_end)


def find_video(manifest: Manifest, row: int, label: int, reader: Reader) -> Video:
    """Row ``row`` with its frames; see ``locate``."""
    return locate(one_row(manifest, row)._replace(label=label), reader)


def read_clips(video: Video, numbers: Tensor, reader: Reader) -> Tensor:
    """Frames (len(numbers), 3, H, W) uint8 of a video, by numbers that start at 0 in the video's own span."""
    frames = reader.read_frames(video.path, (numbers + video.first_frame).numpy())
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


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
            frames = read_clips(video, clip_numbers(video.num_frames, self.config, generator), self.reader)
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
            numbers = view_numbers(video.num_frames, self.config, self.num_clips)  # (V, T)
            used, places = numbers.unique(return_inverse=True)
            frames = read_clips(video, used, self.reader)  # (F, 3, H, W)
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
