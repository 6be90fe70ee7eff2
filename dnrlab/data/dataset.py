"""Datasets: they join manifest row, frame numbers, decoding and transform, and decide nothing themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from dnrlab.data import sampling
from dnrlab.data.decode import DECODERS, Reader, VideoError
from dnrlab.data.manifest import Manifest, mirrored_classes
from dnrlab.data.rows import PackedRows, Video, locate, one_row
from dnrlab.data.transforms import SCALES, evaluation_clips, training_clip

SAMPLINGS = ("segments", "twice", "dense", "window")
Batch = tuple[Tensor, Tensor]  # clips (N, 3, T, H, W) in [0, 1], labels (N,)
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
    """One random clip (3, T, crop, crop) in [0, 1] and its label, by (epoch, row); of a bad video the reason."""

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
        )
        return clip, self.mirrored[video.label] if mirrored and self.mirrored else video.label


class EpochBatches(Sampler[list[Key]]):
    """The keys of an epoch in random order, in batches; a last short batch is left out unless it is the only one."""

    def __init__(self, num_rows: int, batch_size: int, seed: int, epoch: int) -> None:
        self.num_rows, self.batch_size, self.seed, self.epoch = num_rows, batch_size, seed, epoch

    def __iter__(self) -> Iterator[list[Key]]:
        generator = seeded_generator(1, self.seed, self.epoch)
        keys = [(self.epoch, row) for row in torch.randperm(self.num_rows, generator=generator).tolist()]
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield keys[start : start + self.batch_size]

    def __len__(self) -> int:
        return max(self.num_rows // self.batch_size, 1)


class Views(NamedTuple):
    """All views of a video."""

    row: int
    clips: Tensor  # (V * crops, 3, T, crop, crop) in [0, 1]


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
            frames = read_clips(video, numbers.flatten(), self.reader).unflatten(0, numbers.shape)
        except VideoError as error:
            return Unreadable(row, error.reason)
        crop = {"short_side": self.config.short_side, "crop_size": self.config.crop_size, "num_crops": self.num_crops}
        return Views(row, torch.cat([evaluation_clips(clip, **crop) for clip in frames]))

    def __len__(self) -> int:
        return len(self.rows)


def training_loader(
    dataset: TrainingClips, batch_size: int, epoch: int, num_workers: int
) -> DataLoader[tuple[Tensor, int] | Unreadable]:
    """The batches of one epoch: clips (N, 3, T, H, W) and labels (N,), or a video that could not be read."""
    keys = EpochBatches(len(dataset.rows), batch_size, dataset.seed, epoch)
    pin_memory = torch.cuda.is_available()
    return DataLoader(
        dataset, batch_sampler=keys, num_workers=num_workers, collate_fn=collate_clips, pin_memory=pin_memory
    )


def collate_clips(items: list[tuple[Tensor, int] | Unreadable]) -> Batch | Unreadable:
    """A batch, or the first of its videos that could not be read."""
    unreadable = next((item for item in items if isinstance(item, Unreadable)), None)
    return unreadable or default_collate(items)


def readable(batches: Iterable[Batch | Unreadable], manifest: Manifest) -> Iterator[Batch]:
    """The batches; VideoError names a video of ``manifest`` that could not be read."""
    for batch in batches:
        if isinstance(batch, Unreadable):
            hint = "; 'dnrlab manifest check' lists all such videos"
            raise VideoError(manifest.rows["path"].iloc[batch.row], batch.reason + hint)
        yield batch


def view_loader(dataset: VideoViews, batch_size: int, num_workers: int) -> DataLoader[Views | Unreadable]:
    """Lists of ``batch_size`` videos, in order."""
    return DataLoader(dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=list)
