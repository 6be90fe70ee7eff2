"""Batches of clips from worker processes."""

import math
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
from dnrlab.limits import check_shared_memory

BAD_VIDEOS = ("error", "skip")


class TrainingBatch(NamedTuple):
    """A batch of training clips. Clips of bad videos are missing, so a batch can be smaller than others, or empty."""

    clips: Tensor  # (N, 3, T, H, W) uint8
    labels: Tensor  # (N,)
    unreadable: tuple[Unreadable, ...] = ()


class EpochBatches(Sampler[list[Key]]):
    """The keys of an epoch in random order, in batches. A short last batch is left out, unless it is the only batch.

    With several processes, rank r of N takes the keys r, r + N, r + 2N, … of each batch. A batch of 5 keys gives rank 0
    of two ranks 3 keys, and rank 1 gets 2.
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
    """The batches of all epochs in order, from batch ``first`` of the first epoch on.

    The workers live through all epochs. They import once, remember the facts of the files, and read ahead during
    validation.

    Raises: ValueError if shared memory is too small for the batches that the workers read ahead.
    """
    shape = clip_shape(dataset.config)
    check_shared_memory(math.prod(shape) * math.ceil(min(batch_size, len(dataset)) / world.size), num_workers)
    keys = (EpochBatches(len(dataset), batch_size, dataset.seed, epoch, world) for epoch in epochs)
    if num_workers:
        operations()  # imported once here, not once in every worker
    loader = DataLoader(
        dataset,
        batch_sampler=islice(chain.from_iterable(keys), first, None),
        num_workers=num_workers,
        multiprocessing_context=context(num_workers),
        collate_fn=partial(collate_clips, shape),
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # its own: the seed drawn here must not change dropout after resuming
    )
    return iter(loader)


def collate_clips(shape: tuple[int, ...], items: list[tuple[Tensor, int] | Unreadable]) -> TrainingBatch:
    """A batch of the clips, of ``shape`` (3, T, H, W), that could be read, with the reasons of the others."""
    unreadable = tuple(item for item in items if isinstance(item, Unreadable))
    read = [item for item in items if not isinstance(item, Unreadable)]
    if not read:
        return TrainingBatch(torch.empty(0, *shape, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), unreadable)
    clips, labels = default_collate(read)
    return TrainingBatch(clips, labels, unreadable)


def view_loader(
    dataset: VideoViews, batch_size: int, num_workers: int, rows: Sequence[int] | None = None
) -> DataLoader[Views | Unreadable]:
    """Lists of ``batch_size`` videos in order: the videos of ``rows``, or all.

    Raises: ValueError if shared memory is too small for the videos that the workers read ahead.
    """
    frames = dataset.num_clips * math.prod(clip_shape(dataset.config))  # of one crop
    check_shared_memory(min(batch_size, len(dataset)) * frames, num_workers)
    if num_workers:
        operations()  # imported once here, not once in every worker
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=rows,
        num_workers=num_workers,
        multiprocessing_context=context(num_workers),
        collate_fn=list,
        pin_memory=torch.cuda.is_available(),
    )


def context(num_workers: int) -> str | None:
    """How workers start. It is explicit because the default fails in joblib's processes. None without workers."""
    if not num_workers:
        return None
    return "fork" if sys.platform == "linux" else "spawn"


def check_bad_videos(word: str) -> None:
    """ValueError unless ``word`` is ``error`` (a bad video stops the run) or ``skip`` (it is left out and counted)."""
    if word not in BAD_VIDEOS:
        raise ValueError(f"expected bad_videos in {BAD_VIDEOS}, got {word!r}; choose one of these")


def bad_video(manifest: Manifest, unreadable: Unreadable) -> VideoError:
    """The error that names a bad video of ``manifest``, with a hint how to find all bad videos."""
    hint = "; 'dnrlab manifest check' lists all such videos; bad_videos=skip goes on without them"
    return VideoError(manifest.rows["path"].iloc[unreadable.row], unreadable.reason + hint)
