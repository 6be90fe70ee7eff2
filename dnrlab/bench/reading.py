"""How fast clips are read: by one process, by the workers of a training, and for all views of a video."""

import os
import time
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import torch

from dnrlab.data.config import DataConfig, view_indices
from dnrlab.data.dataset import TrainingClips, Unreadable, VideoViews
from dnrlab.data.decode.reader import forget_facts
from dnrlab.data.decode.types import Reader, VideoError
from dnrlab.data.loading import EpochBatches, training_batches, view_loader
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import operations
from dnrlab.data.video_span import find_video


def clip_times(manifest: Manifest, config: DataConfig, reader: Reader, rows: Sequence[int]) -> pd.DataFrame:
    """Seconds that this process needs for one training clip of each row.

    All files are probed again, as a worker does in its first epoch.

    Returns: path, num_frames (of the file), probe_seconds (to find the number of frames), decode_seconds and
        transform_seconds (resizing, cropping and the rest).

    Raises: VideoError that names a video that cannot be read.
    """
    operations()  # imported before the clock starts
    forget_facts()
    spent: dict[str, float] = {}
    measured = Reader(timed(reader.probe, spent, "probe_seconds"), timed(reader.read_frames, spent, "decode_seconds"))
    clips, table = TrainingClips(manifest, config, measured, seed=0), []
    for row in rows:
        path = manifest.rows["path"].iloc[row]
        spent |= {"probe_seconds": 0.0, "decode_seconds": 0.0}
        start = time.perf_counter()
        item = clips[0, row]
        total = time.perf_counter() - start
        if isinstance(item, Unreadable):
            raise VideoError(path, item.reason)
        seconds = spent | {"transform_seconds": total - sum(spent.values())}
        table.append({"path": path, "num_frames": reader.probe(path).num_frames, **seconds})
    return pd.DataFrame(table)


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    """``function``, with its seconds added to ``spent[name]``."""

    def measured(*arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            spent[name] += time.perf_counter() - start

    return measured


def loader_speeds(
    clips: TrainingClips, *, batch_size: int, workers: Sequence[int] = (1, 2), num_batches: int = 8, rounds: int = 3
) -> pd.DataFrame:
    """Clips per second of a training's loader, compared with one process without a loader.

    They are measured in turn, ``rounds`` times, because other work on the machine comes and goes. The medians count.

    Args:
        workers: numbers of worker processes, one loader each.
        num_batches: batches that are measured. The first batch of every worker does not count: it includes the start.

    Returns: one row per loader: num_workers; clips_per_second; promised, the speed of one process times the number of
        workers, or times the number of cores if that is smaller; share, clips_per_second divided by promised.
    """
    alone: list[float] = []
    loaded: dict[int, list[float]] = {count: [] for count in workers}
    for _ in range(rounds):
        alone.append(speed_alone(clips, batch_size, num_batches))
        for count in workers:
            loaded[count].append(loader_speed(clips, batch_size, count, num_batches))
    table = pd.DataFrame({"num_workers": list(workers), "clips_per_second": [median(loaded[n]) for n in workers]})
    table["promised"] = [median(alone) * min(max(count, 1), os.cpu_count() or 1) for count in workers]
    return table.assign(share=table["clips_per_second"] / table["promised"])


def speed_alone(clips: TrainingClips, batch_size: int, num_batches: int) -> float:
    """Clips per second of this process on the first batches of an epoch: decoding and transforms, without collating.

    The process has one thread, like a worker.

    Raises: ValueError that names the row of a video that cannot be read, which would count as a fast one.
    """
    operations()  # imported before the clock starts
    keys = [key for batch in islice(EpochBatches(len(clips), batch_size, clips.seed, 0), num_batches) for key in batch]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # like a loader's worker
    try:
        start = time.perf_counter()
        for key in keys:
            if isinstance(item := clips[key], Unreadable):
                raise ValueError(f"expected videos that can be read, got row {item.row}: {item.reason}; leave it out")
        return len(keys) / (time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)


def loader_speed(clips: TrainingClips, batch_size: int, num_workers: int, num_batches: int) -> float:
    """Clips per second of a loader, after the first batch of each worker. 0 workers: this process reads."""
    epochs = range(num_batches + 3 * max(num_workers, 1))  # an epoch has at least one batch
    batches = training_batches(clips, batch_size, epochs, num_workers)
    for _ in islice(batches, max(num_workers, 1)):
        pass
    start = time.perf_counter()
    count = sum(len(batch.labels) for batch in islice(batches, num_batches))
    return count / (time.perf_counter() - start)


def view_seconds(
    manifest: Manifest, row: int, config: DataConfig, reader: Reader, *, num_clips: int, rounds: int = 5
) -> pd.DataFrame:
    """Seconds to read the frames of a video's test clips, in two ways that take turns.

    ``together`` reads each frame once for all clips. ``one by one`` reads clip after clip. The pixels are the same.

    Returns: columns way, round, seconds.
    """
    video = find_video(manifest, row, 0, reader)
    indices = (view_indices(video.num_frames, config, num_clips) + video.first_frame).numpy()  # (V, T)
    ways: dict[str, Callable[[], object]] = {
        "together": lambda: reader.read_frames(video.path, np.unique(indices)),
        "one by one": lambda: [reader.read_frames(video.path, clip) for clip in indices],
    }
    rows = []
    for round_index in range(rounds):
        for way, read in ways.items():
            start = time.perf_counter()
            read()
            rows.append({"way": way, "round": round_index, "seconds": time.perf_counter() - start})
    return pd.DataFrame(rows)


def video_speed(dataset: VideoViews, *, num_workers: int, rounds: int = 3) -> float:
    """Videos per second of an evaluation's loader, with all test views of each video: the median over the rounds.

    The first video of every worker does not count: it includes the start.

    Raises: ValueError if no other videos are left, or a video cannot be read (it names the row).
    """
    first = max(num_workers, 1)
    if len(dataset) <= first:
        raise ValueError(
            f"expected more than {first} videos, one per worker for its start, got {len(dataset)}; give more videos"
        )
    speeds = []
    for _ in range(rounds):
        loader = iter(view_loader(dataset, 1, num_workers))
        start = 0.0
        for count, (item,) in enumerate(loader, 1):
            if isinstance(item, Unreadable):
                raise ValueError(f"expected videos that can be read, got row {item.row}: {item.reason}; leave it out")
            start = time.perf_counter() if count == first else start
        speeds.append((len(dataset) - first) / (time.perf_counter() - start))
    return median(speeds)
