"""What a training and a test of a whole data set take, from speeds measured on the machine at hand.

Measured: clips a second of a few steps and of reading, memory, and the sizes of some videos. All else is extrapolated:
that every step takes as long, that all videos are like those at hand, and that all devices stand in one machine, whose
workers read for all of them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from dnrlab.bench.macs import macs
from dnrlab.data.cards import Card
from dnrlab.recipes.config import Recipe

SECONDS_AN_HOUR = 3600


MEASURED, AT_BEST = "measured", "at best"


HOURS_FROM = {  # hours, and the speed that they come from
    "computing_hours": "clips_per_second",
    "computing_hours_low": "clips_per_second_high",
    "computing_hours_high": "clips_per_second_low",
}


class Work(NamedTuple):
    """How much there is to do."""

    training_clips: int  # of all epochs
    validation_views: int  # of all validations, one a video
    test_views: int
    test_videos: int
    training_videos: int


def shape_of(recipe: Recipe) -> dict[str, Any]:
    """What the speed of a step depends on most."""
    model, data = recipe.model, recipe.data
    return {"model": model.name, "width": model.width, "num_frames": data.num_frames, "crop_size": data.crop_size}


def macs_of(recipe: Recipe, num_classes: int) -> int:
    """Multiply-accumulates of one clip of the recipe."""
    model, data = recipe.model, recipe.data
    return macs(
        model.name,
        num_classes=num_classes,
        num_frames=data.num_frames,
        size=data.crop_size,
        width=model.width,
        dnr=model.dnr,
        temporal_pool=model.temporal_pool,
    )


class Reading(NamedTuple):
    """How fast the workers of a machine read; measured."""

    clips_per_second: float  # of a training, and of a validation, whose views are single clips, too
    videos_per_second: float  # with all views of a test


def work_of(recipe: Recipe, card: Card, *, views: int) -> Work:
    """The work of a recipe on a data set: all epochs and validations, and a test of so many views a video.

    240,171 videos in batches of 64 are 240,128 clips an epoch, since a last short batch is left out. Validations come
    every ``validate_every`` epochs, and after the last.

    Raises: ValueError if the card does not say how many videos are in ``train``, or in the split of the test.
    """
    split = card.protocol["evaluate_on"] if card.protocol else "test"
    counts = card.expected(1 if card.counts_by_fold else None)
    missing = [name for name in ("train", split) if not counts.get(name)]
    if missing:
        raise ValueError(
            f"expected a card that counts the videos of {', '.join(missing)}, got {counts} of {card.name}; "
            "take another, or write the counts into it"
        )
    settings = recipe.training
    epoch = max(counts["train"] // settings.batch_size, 1) * min(settings.batch_size, counts["train"])
    validations = -(-settings.epochs // settings.validate_every)
    return Work(
        training_clips=settings.epochs * epoch,
        validation_views=validations * counts.get("val", 0),
        test_views=counts[split] * views,
        test_videos=counts[split],
        training_videos=counts["train"],
    )


def clip_speeds(turns: pd.DataFrame) -> pd.DataFrame:
    """Clips a second of all processes of a turn together: their clips over the seconds of the slowest.

    ``turns`` is what ``measure_steps`` returns. Two processes that take 2 s and 4 s for 8 clips each make 4 a second.

    Returns: a row a kind, number of processes and round: kind, processes, round, clips_per_second, peak_bytes (of the
        process that holds most).
    """
    turn = turns.groupby(["kind", "processes", "round"], sort=False)
    speed = turn["clips"].sum() / turn["seconds"].max()
    return pd.DataFrame({"clips_per_second": speed, "peak_bytes": turn["peak_bytes"].max()}).reset_index()


def scaling(speeds: pd.DataFrame) -> pd.DataFrame:
    """How speed grows with the processes; ``speeds`` is what ``clip_speeds`` returns.

    Efficiency is speed(N) / (N x speed(1)) within a round: rounds of 2 and 3 clips a second, which two processes turn
    to 3 and 6, give 0.75 and 1, and the median 0.875.

    Returns: a row a kind and number of processes: kind, processes, clips_per_second, and efficiency, with their lowest
        and highest round as _low and _high; peak_gib (of the lowest round, as what a process has held before counts).
    """
    alone = speeds[speeds["processes"] == 1].set_index(["kind", "round"])["clips_per_second"]
    first = alone.loc[pd.MultiIndex.from_frame(speeds[["kind", "round"]])].to_numpy()
    rated = speeds.assign(efficiency=speeds["clips_per_second"] / (speeds["processes"] * first))
    groups = rated.groupby(["kind", "processes"], sort=False)
    columns: dict[str, pd.Series] = {}
    for name in ("clips_per_second", "efficiency"):
        columns |= {name: groups[name].median(), f"{name}_low": groups[name].min(), f"{name}_high": groups[name].max()}
    return pd.DataFrame(columns | {"peak_gib": groups["peak_bytes"].min() / 2**30}).reset_index()


def budget(
    work: Work, speeds: pd.DataFrame, reading: Reading, *, devices: Sequence[int] = (1, 2, 8), shared: bool
) -> pd.DataFrame:
    """Hours of the training steps, the validations in between, and the test, on numbers of devices.

    Numbers of devices that were measured have the speed of so many processes; the others are ``at best``: as many
    times that of one. Reading takes the same however many compute.

    Args:
        speeds: kind, processes and clips_per_second with its _low and _high, as of ``scaling``; of 1 process at least.
        shared: whether reading takes the cores that compute, as on a CPU: its time is added then. Otherwise workers
            read ahead, and the longer of both times counts.

    Returns: a row a number of devices and task (``training``, ``validation``, ``testing``): devices, task, basis,
        computing_hours, with those of the fastest and the slowest round as _low and _high; reading_hours, hours, bound
        (``computing`` or ``reading``, whichever takes longer).
    """
    by_processes = speeds.set_index(["kind", "processes"])[[*HOURS_FROM.values()]]
    tasks = {  # its speed, its views, and the hours of reading them
        "training": ("training", work.training_clips, work.training_clips / reading.clips_per_second),
        "validation": ("testing", work.validation_views, work.validation_views / reading.clips_per_second),
        "testing": ("testing", work.test_views, work.test_videos / reading.videos_per_second),
    }
    rows = []
    for count in devices:
        for task, (kind, views, read_seconds) in tasks.items():
            known = (kind, count) in by_processes.index
            speed = by_processes.loc[(kind, count)] if known else count * by_processes.loc[(kind, 1)]
            row: dict[str, Any] = {"devices": count, "task": task, "basis": MEASURED if known else AT_BEST}
            row |= {name: views / speed[column] / SECONDS_AN_HOUR for name, column in HOURS_FROM.items()}
            computing, read = row["computing_hours"], read_seconds / SECONDS_AN_HOUR
            row |= {"reading_hours": read, "hours": computing + read if shared else max(computing, read)}
            rows.append(row | {"bound": "reading" if read > computing else "computing"})
    return pd.DataFrame(rows)


def needs(work: Work, sizes: pd.DataFrame, *, short_side: int, frames_a_clip: int, peak_gib: float) -> pd.DataFrame:
    """Disk of all videos of training and test, if all were like those at hand; frames to decode; memory.

    Args:
        sizes: of some videos: num_bytes, num_frames, height, width.
        short_side: pixels of frames that are kept decoded, three bytes each.
        frames_a_clip: that a training clip is made of.
        peak_gib: that a training process was measured to hold.

    Returns: a row a need: need, amount, unit, basis. 10 videos like one of 1 MB and 100 frames of 120 x 160 take
        0.01 GB, and decoded at a short side of 60 0.0144 GB.
    """
    videos = work.training_videos + work.test_videos
    scale = short_side / sizes[["height", "width"]].min(axis=1)
    decoded = sizes["num_frames"] * (sizes["height"] * scale).round() * (sizes["width"] * scale).round() * 3
    like = f"extrapolated from {len(sizes)} videos at hand"
    rows = [
        ("disk: videos as they are", videos * sizes["num_bytes"].mean() / 1e9, "GB", like),
        (f"disk: videos decoded, short side {short_side}", videos * decoded.mean() / 1e9, "GB", like),
        ("frames decoded in training", work.training_clips * frames_a_clip / 1e6, "million", "counted"),
        ("memory of a training process", peak_gib, "GiB", MEASURED),
    ]
    return pd.DataFrame(rows, columns=["need", "amount", "unit", "basis"])
