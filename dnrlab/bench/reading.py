"""How fast clips are read: by one process alone, by the workers of a training, and for all views of a video."""

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
    """What a training clip of each of some videos costs this process.

    Files that were probed before are probed anew, as a worker does in its first epoch.

    Returns: path, num_frames (of the file), and probe_seconds (how many frames it has), decode_seconds and
    transform_seconds (resizing, cropping and the rest).

    Raises: VideoError naming a video that cannot be read.
    """
    operations()  # its import is none of a video's cost
    forget_facts()
    spent: dict[str, float] = {}
    measured = Reader(timed(reader.probe, spent, "probe_seconds"), timed(reader.read_frames, spent, "decode_seconds"))
    clips, table = TrainingClips(manifest, config, measured, seed=0), []
    for row in rows:
        path = manifest.rows["path"].iloc[row]
        spent |= {"probe_seconds": 0.0, "decode_seconds": 0.0}
        start = time.perf_counter()
        item = clips[0, row]
        whole = time.perf_counter() - start
        if isinstance(item, Unreadable):
            raise VideoError(path, item.reason)
        seconds = spent | {"transform_seconds": whole - sum(spent.values())}
        table.append({"path": path, "num_frames": reader.probe(path).num_frames, **seconds})
    return pd.DataFrame(table)


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    """``function``, whose seconds are added to ``spent[name]``."""

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
    """Clips a second of a training's loader, beside what one process makes of the same clips alone.

    They are measured in turn, ``rounds`` times, since other work on the machine comes and goes; the medians count.

    Args:
        workers: how many processes read, a loader each.
        num_batches: that are measured, after the first of every worker, with which it starts up.

    Returns: a row a loader: num_workers; clips_per_second; promised, which is the speed alone times the workers, or
    times the cores where they are fewer; share, the speed in parts of the promised one.
    """
    alone: list[float] = []
    loaded: dict[int, list[float]] = {number: [] for number in workers}
    for _ in range(rounds):
        alone.append(speed_alone(clips, batch_size, num_batches))
        for number in workers:
            loaded[number].append(loader_speed(clips, batch_size, number, num_batches))
    table = pd.DataFrame({"num_workers": list(workers), "clips_per_second": [median(loaded[n]) for n in workers]})
    table["promised"] = [median(alone) * min(max(number, 1), os.cpu_count() or 1) for number in workers]
    return table.assign(share=table["clips_per_second"] / table["promised"])


def speed_alone(clips: TrainingClips, batch_size: int, num_batches: int) -> float:
    """Clips a second of this process on the first batches of an epoch: decoding and transforming, without collating.

    With one thread, as a worker has it.

    Raises: ValueError naming the row of a video that cannot be read, which would pass for a fast one.
    """
    operations()  # its import is none of a clip's cost
    keys = [key for batch in islice(EpochBatches(len(clips), batch_size, clips.seed, 0), num_batches) for key in batch]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a loader's worker
    try:
        start = time.perf_counter()
        for key in keys:
            if isinstance(item := clips[key], Unreadable):
                raise ValueError(f"expected videos that can be read, got one with {item.reason} (row {item.row})")
        return len(keys) / (time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)


def loader_speed(clips: TrainingClips, batch_size: int, num_workers: int, num_batches: int) -> float:
    """Clips a second of a loader, from the first batch of its last worker on. 0 workers: this process."""
    epochs = range(num_batches + 3 * max(num_workers, 1))  # an epoch has a batch at least
    batches = training_batches(clips, batch_size, epochs, num_workers)
    for _ in islice(batches, max(num_workers, 1)):
        pass
    start = time.perf_counter()
    count = sum(len(batch.labels) for batch in islice(batches, num_batches))
    return count / (time.perf_counter() - start)


def view_seconds(
    manifest: Manifest, row: int, config: DataConfig, reader: Reader, *, num_clips: int, rounds: int = 5
) -> pd.DataFrame:
    """Seconds to read the frames of a video's test clips: all at once, each frame once, or clip after clip; in turns.

    Returns: columns way (``together``, ``one by one``), round, seconds. The pixels are the same.
    """
    video = find_video(manifest, row, 0, reader)
    numbers = (view_indices(video.num_frames, config, num_clips) + video.first_frame).numpy()  # (V, T)
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


def video_speed(dataset: VideoViews, *, num_workers: int, rounds: int = 3) -> float:
    """Videos a second of an evaluation's loader, each with all its test views: the median of some rounds.

    The first video of every worker, with which it starts up, does not count.

    Raises: ValueError if no others are left, or naming the row of one that cannot be read.
    """
    first = max(num_workers, 1)
    if len(dataset) <= first:
        raise ValueError(f"expected more videos than {first}, which start up the workers, got {len(dataset)}")
    speeds = []
    for _ in range(rounds):
        loader = iter(view_loader(dataset, 1, num_workers))
        start = 0.0
        for number, (item,) in enumerate(loader, 1):
            if isinstance(item, Unreadable):
                raise ValueError(f"expected videos that can be read, got one with {item.reason} (row {item.row})")
            start = time.perf_counter() if number == first else start
        speeds.append((len(dataset) - first) / (time.perf_counter() - start))
    return median(speeds)
