"""How fast videos are read: views together and one by one, clips by one process and by a loader with several."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from dnrlab.data.dataset import DataConfig, TrainingClips, Unreadable, find_video, training_loader, view_numbers
from dnrlab.data.decode import Reader, VideoError
from dnrlab.data.manifest import Manifest


def clip_speeds(
    manifest: Manifest,
    config: DataConfig,
    reader: Reader,
    *,
    num_workers: int = 2,
    batch_size: int = 8,
    seconds: float = 4.0,
    rounds: int = 3,
) -> pd.DataFrame:
    """Training clips a second, decoded and cropped, by this process and by a loader, in turns.

    The clock of a loader starts with its first batch, so that the start of its workers is left out.

    Args:
        reader: one that keeps what it decodes is measured as kept after the first round.
        num_workers: processes of the loader.
        seconds: that a turn takes, about.

    Returns: columns way (``1 process``; ``loader, K workers``), round, clips, clips_per_second, and kept: the speed
    over K times that of this process in the same round, which K undisturbed workers would reach.

    Raises: ValueError if there are fewer videos than a batch takes; VideoError naming one that cannot be read.
    """
    if batch_size > len(manifest.rows) or min(num_workers, rounds, batch_size) < 1:
        raise ValueError(
            f"expected a batch of at most {len(manifest.rows)} videos, and at least 1 worker and round, "
            f"got {batch_size}, {num_workers} and {rounds}"
        )
    clips, rows = TrainingClips(manifest, config, reader, 0), []
    for turn in range(rounds):
        alone, loaded = (
            counted(source, seconds)
            for source in (one_by_one(clips, turn), by_loader(clips, turn, batch_size, num_workers))
        )
        rows.append({"way": "1 process", "round": turn, "clips": alone[0], "clips_per_second": alone[1], "kept": 1.0})
        kept = loaded[1] / (num_workers * alone[1])
        way = f"loader, {num_workers} workers"
        rows.append({"way": way, "round": turn, "clips": loaded[0], "clips_per_second": loaded[1], "kept": kept})
    return pd.DataFrame(rows)


def counted(source: Iterable[int], seconds: float) -> tuple[int, float]:
    """Take counts of clips from ``source`` for some seconds; how many came after the first, and how many a second."""
    turns = iter(source)
    next(turns)
    clips, start = 0, time.perf_counter()
    for count in turns:
        clips += count
        if time.perf_counter() - start >= seconds:
            break
    return clips, clips / max(time.perf_counter() - start, 1e-9)


def one_by_one(clips: TrainingClips, epoch: int) -> Iterator[int]:
    """A 1 for every clip read in this process, through the rows again and again."""
    while True:
        for row in range(len(clips.rows)):
            item = clips[epoch, row]
            if isinstance(item, Unreadable):
                raise VideoError(clips.rows[item.row].path, item.reason)
            yield 1


def by_loader(clips: TrainingClips, epoch: int, batch_size: int, num_workers: int) -> Iterator[int]:
    """The clips of every batch of a loader, for one epoch."""
    for batch in training_loader(clips, batch_size, epoch, num_workers):
        yield len(batch.labels)


def view_seconds(
    manifest: Manifest, row: int, config: DataConfig, reader: Reader, *, num_clips: int, rounds: int = 5
) -> pd.DataFrame:
    """Seconds to read the frames of a video's test clips: all at once, each frame once, or clip after clip; in turns.

    Returns: columns way (``together``, ``one by one``), round, seconds. The pixels are the same.
    """
    video = find_video(manifest, row, 0, reader)
    numbers = (view_numbers(video.num_frames, config, num_clips) + video.first_frame).numpy()  # (V, T)
    ways: dict[str, Callable[[], object]] = {
        "together": lambda: reader.read_frames(video.path, np.unique(numbers)),
        "one by one": lambda: [reader.read_frames(video.path, clip) for clip in numbers],
    }
    rows = []
    for turn in range(rounds):
        for way, read in ways.items():
            start = time.perf_counter()
            read()
            rows.append({"way": way, "round": turn, "seconds": time.perf_counter() - start})
    return pd.DataFrame(rows)
