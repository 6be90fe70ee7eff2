"""Hours, disk and memory for a training and a test of a whole data set, from speeds measured on this machine.

Measured are clips per second of a few steps and of reading, memory, and the sizes of some videos. The rest is
extrapolated. It assumes that every step takes equally long, that all videos are like the measured ones, and that all
devices are in one machine, whose workers read for all of them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from dnrlab.bench.macs import macs
from dnrlab.data.cards import Card
from dnrlab.recipes.config import Recipe

SECONDS_AN_HOUR = 3600


MEASURED, AT_BEST = "measured", "at best"


HOURS_FROM = {  # column of hours: column of the speed that it is computed from
    "computing_hours": "clips_per_second",
    "computing_hours_low": "clips_per_second_high",
    "computing_hours_high": "clips_per_second_low",
}


class Work(NamedTuple):
    """How many clips, views and videos a training and a test take."""

    training_clips: int  # in all epochs
    validation_views: int  # in all validations, one per video
    test_views: int
    test_videos: int
    training_videos: int


def shape_of(recipe: Recipe) -> dict[str, Any]:
    """The settings with the largest effect on the speed of a step."""
    model, data = recipe.model, recipe.data
    return {"model": model.name, "width": model.width, "num_frames": data.num_frames, "crop_size": data.crop_size}


def macs_of(recipe: Recipe, num_classes: int) -> int:
    """Multiply-accumulates (MACs) of one clip of the recipe."""
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
    """Measured speed of reading, of all workers of a machine."""

    clips_per_second: float  # in training, and in validation, where a view is a single clip
    videos_per_second: float  # in a test, with all views


def work_of(recipe: Recipe, card: Card, *, views: int) -> Work:
    """The work of a recipe on a data set: all epochs and validations, and a test with ``views`` views per video.

    240,171 videos in batches of 64 give 240,128 clips per epoch, because a short last batch is left out. A validation
    follows every ``validate_every`` epochs and the last epoch.

    Raises: ValueError if the card has no number of videos for ``train``, or for the split of the test.
    """
    split = card.protocol["evaluate_on"] if card.protocol else "test"
    counts = card.expected(1 if card.counts_by_fold else None)
    missing = [name for name in ("train", split) if not counts.get(name)]
    if missing:
        raise ValueError(
            f"expected a card with the number of videos of {', '.join(missing)}, got {counts} of {card.name}; "
            "add the numbers to the card, or take another"
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
    """Clips per second of all processes of a turn together: their clips divided by the seconds of the slowest.

    ``turns`` is the result of ``measure_steps``. Two processes with 8 clips each that take 2 s and 4 s make 4 clips per
    second.

    Returns: one row per kind, number of processes and round: kind, processes, round, clips_per_second, peak_bytes (the
        largest of the processes).
    """
    turn = turns.groupby(["kind", "processes", "round"], sort=False)
    speed = turn["clips"].sum() / turn["seconds"].max()
    return pd.DataFrame({"clips_per_second": speed, "peak_bytes": turn["peak_bytes"].max()}).reset_index()


def scaling(speeds: pd.DataFrame) -> pd.DataFrame:
    """How speed grows with the number of processes. ``speeds`` is the result of ``clip_speeds``.

    Efficiency is speed(N) / (N x speed(1)) within a round. Example: one process makes 2 and 3 clips per second in two
    rounds, and two processes make 3 and 6. The efficiencies are 0.75 and 1, and the median is 0.875.

    Returns: one row per kind and number of processes: kind, processes; clips_per_second and efficiency, as medians over
        the rounds, with the lowest and highest round as _low and _high; peak_gib (the lowest round, because memory that
        a process held before counts too).
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
    """Hours of the training steps, the validations and the test, for several numbers of devices.

    A number of devices that was measured has the speed of as many processes. Any other is ``at best``: N times the
    speed of one. The time of reading does not depend on the number of devices.

    Args:
        speeds: kind, processes and clips_per_second with its _low and _high, from ``scaling``. It must hold 1 process.
        shared: whether reading and computing share the cores, as on a CPU. Then their times are added. Otherwise
            workers read ahead, and the longer time counts.

    Returns: one row per number of devices and task (``training``, ``validation``, ``testing``): devices, task, basis,
        computing_hours, with the hours by the fastest and the slowest round as _low and _high; reading_hours, hours,
        bound (``computing`` or ``reading``, whichever takes longer).
    """
    by_processes = speeds.set_index(["kind", "processes"])[[*HOURS_FROM.values()]]
    tasks = {  # kind of its speed, clips or views, and seconds to read them
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
    """Disk for all videos of training and test, frames to decode, and memory.

    Args:
        sizes: num_bytes, num_frames, height and width of some videos. All videos are taken to be like these.
        short_side: shorter side of stored decoded frames, in pixels of three bytes.
        frames_a_clip: frames per training clip.
        peak_gib: measured memory of a training process.

    Returns: one row per need: need, amount, unit, basis. 10 videos like one of 1 MB and 100 frames of 120 x 160 pixels
        take 0.01 GB, and 0.0144 GB decoded with a shorter side of 60.
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
