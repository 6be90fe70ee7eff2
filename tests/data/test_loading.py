"""Batches: what an epoch holds, workers that live through epochs, and bad videos in place of clips."""

import pytest
import torch
from torch.utils.data import get_worker_info

from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import TrainingClips, Unreadable
from dnrlab.data.decode.reader import READER
from dnrlab.data.loading import EpochBatches, collate_clips, training_batches
from dnrlab.data.manifest import read_manifest, select
from dnrlab.distributed import World

TINY = DataConfig(sampling="segments", num_frames=4, short_side=18, crop_size=16)


def test_an_epoch_holds_every_row_once():
    batches = list(EpochBatches(23, 5, seed=0, epoch=2))
    rows = [row for batch in batches for _, row in batch]
    assert len(batches) == 4
    assert len(set(rows)) == 20
    assert {epoch for batch in batches for epoch, _ in batch} == {2}
    assert rows != [row for batch in EpochBatches(23, 5, seed=0, epoch=3) for _, row in batch]
    assert [len(batch) for batch in EpochBatches(3, 5, seed=0, epoch=0)] == [3]


class Keys(TrainingClips):
    """The keys in place of clips, and how many the worker has made before."""

    made = 0

    def __getitem__(self, key):
        self.made += 1
        worker = get_worker_info()
        return torch.tensor([*key, worker.id if worker else 0, self.made - 1]), 0


@pytest.mark.parametrize("num_workers", [0, 2])
def test_epochs_follow_each_other_with_the_same_workers(synthetic, num_workers):
    dataset = Keys(select(read_manifest(synthetic), "train"), TINY, READER, 0)  # 20 rows
    batches = [batch.clips for batch in training_batches(dataset, 8, range(3, 6), num_workers)]
    expected = [keys for epoch in (3, 4, 5) for keys in EpochBatches(20, 8, 0, epoch)]
    assert [[tuple(key) for key in batch[:, :2].tolist()] for batch in batches] == expected
    last_made = [int(batch[-1, 3]) for batch in batches]
    assert last_made == ([7, 15, 23, 31, 39, 47] if num_workers == 0 else [7, 7, 15, 15, 23, 23])


def test_reading_batches_leaves_the_random_numbers_of_the_program_alone(synthetic):
    dataset = TrainingClips(select(read_manifest(synthetic), "train"), TINY, READER, 0)
    before = torch.get_rng_state()
    next(training_batches(dataset, 2, range(1), 0))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_holds_the_clips_that_could_be_read_and_the_reasons_of_the_others():
    clip, bad = torch.ones(3, 2, 4, 4, dtype=torch.uint8), Unreadable(7, "an empty file")
    batch = collate_clips((3, 2, 4, 4), [(clip, 1), bad, (clip * 2, 3)])
    assert torch.equal(batch.clips, torch.stack([clip, clip * 2]))
    assert (batch.labels.tolist(), batch.unreadable) == ([1, 3], (bad,))
    empty = collate_clips((3, 2, 4, 4), [bad, bad])
    assert (tuple(empty.clips.shape), len(empty.labels), len(empty.unreadable)) == ((0, 3, 2, 4, 4), 0, 2)


def test_ranks_share_the_clips_of_every_batch():
    whole = list(EpochBatches(10, 5, 0, 0))
    first, second = (list(EpochBatches(10, 5, 0, 0, World(rank, 2))) for rank in (0, 1))
    assert first == [batch[::2] for batch in whole]  # 3 of 5 clips
    assert second == [batch[1::2] for batch in whole]
