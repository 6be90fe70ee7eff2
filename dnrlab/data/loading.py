"""Batches of clips from worker processes."""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, default_collate

from dnrlab.data.config import clip_shape
from dnrlab.data.dataset import Key, TrainingClips, Unreadable, VideoViews, Views, seeded_generator
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import operations
from dnrlab.distributed import ALONE, World

BAD_VIDEOS = ("error", "skip")


class TrainingBatch(NamedTuple):
    """Clips of an epoch. Those of bad videos are missing, so that a batch may be smaller than others, or empty."""

    clips: Tensor  # (N, 3, T, H, W) uint8
    labels: Tensor  # (N,)
    unreadable: tuple[Unreadable, ...] = ()


class EpochBatches(Sampler[list[Key]]):
    """The keys of an epoch in random order, in batches; a last short batch is left out unless it is the only one.

    Of several processes each has every so-manieth key of a batch: of a batch of 5 the first of two has 3, the other 2.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int, epoch: int, world: World = ALONE) -> None:
        self.num_rows, self.batch_size, self.seed, self.epoch, self.world = num_rows, batch_size, seed, epoch, world

    def __iter__(self) -> Iterator[list[Key]]:
        generator = seeded_generator(1, self.seed, self.epoch)
        keys = [(self.epoch, row) for row in torch.randperm(self.num_rows, generator=generator).tolist()]
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield keys[start : start + self.batch_size][self.world.rank :: self.world.size]

    def __len__(self) -> int:
        return max(self.num_rows // self.batch_size, 1)


def training_batches(
    dataset: TrainingClips,
    batch_size: int,
    epochs: range,
    num_workers: int,
    *,
    first: int = 0,
    world: World = ALONE,
) -> Iterator[TrainingBatch]:
    """The batches of one epoch after the other, from batch ``first`` of the first epoch on.

    The workers live through all epochs: they import once, remember what they probed, and read ahead while another
    part of the program validates.
    """
    keys = (EpochBatches(len(dataset), batch_size, dataset.seed, epoch, world) for epoch in epochs)
    if num_workers:
        operations()  # imported once here, not once in every worker
    loader = DataLoader(
        dataset,
        batch_sampler=islice(chain.from_iterable(keys), first, None),
        num_workers=num_workers,
        multiprocessing_context=context(num_workers),
        collate_fn=partial(collate_clips, clip_shape(dataset.config)),
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # its own, as a seed for the workers is drawn: resuming must not move dropout
    )
    return iter(loader)


def collate_clips(shape: tuple[int, ...], items: list[tuple[Tensor, int] | Unreadable]) -> TrainingBatch:
    """The clips of a ``shape`` (3, T, H, W) that could be read as one batch, and the others' reasons."""
    unreadable = tuple(item for item in items if isinstance(item, Unreadable))
    read = [item for item in items if not isinstance(item, Unreadable)]
    if not read:
        return TrainingBatch(torch.empty(0, *shape, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), unreadable)
    clips, labels = default_collate(read)
    return TrainingBatch(clips, labels, unreadable)


def view_loader(
    dataset: VideoViews, batch_size: int, num_workers: int, rows: Sequence[int] | None = None
) -> DataLoader[Views | Unreadable]:
    """Lists of ``batch_size`` videos, in order: those of ``rows``, or all."""
    if num_workers:
        operations()  # imported once here, not once in every worker
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=rows,
        num_workers=num_workers,
        multiprocessing_context=context(num_workers),
        collate_fn=list,
    )


def context(num_workers: int) -> str | None:
    """How workers start, said outright: in joblib's processes a loader cannot use the default. None without workers."""
    if not num_workers:
        return None
    return "fork" if sys.platform == "linux" else "spawn"


def check_bad_videos(word: str) -> None:
    """ValueError unless ``word`` says what a bad video does: ``error`` stops, ``skip`` leaves it out and counts it."""
    if word not in BAD_VIDEOS:
        raise ValueError(f"expected bad_videos in {BAD_VIDEOS}, got {word!r}")


def bad_video(manifest: Manifest, unreadable: Unreadable) -> VideoError:
    """The error that names a video of ``manifest`` and says how to find all others."""
    hint = "; 'dnrlab manifest check' lists all such videos; bad_videos=skip goes on without them"
    return VideoError(manifest.rows["path"].iloc[unreadable.row], unreadable.reason + hint)
