"""Speeds of networks relative to each other in one run, and the noise of the machine during that run.

Other work on a machine, and its temperature, change seconds by more than DNR does. So the networks take turns, and
networks to compare run one after the other. Ratios are taken within a round. The first network also runs against a copy
of itself: the distance of that ratio from 1 is noise.
"""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from dnrlab.bench.work import Work

CONTROL = "control"  # the name of the copy of the first network
KEY = ["network", "treatment", "task"]
RESAMPLES, LEVEL = 2000, 0.95


def measure(works: Sequence[Work], *, rounds: int, generator: torch.Generator, progress: bool = False) -> pd.DataFrame:
    """Seconds and memory of each work, in turns.

    Args:
        works: works to compare are neighbours.
        rounds: measured turns of each work. One warm-up turn before them does not count.
        generator: draws the first work and the direction of each round.
        progress: show a bar.

    Returns: one row per round and work: round, network, treatment, task, turn (its position in the round), seconds (per
        clip), peak_bytes (on a GPU the peak of weights, clips and activations together; NaN elsewhere), saved_bytes
        (of a step on a CPU: what the forward pass saves for the backward pass, per batch; NaN elsewhere).

    Raises: ValueError if there is no work, two are of one name, or rounds is below 1.
    """
    keys = [work.key for work in works]
    if not works or len({*keys}) < len(keys):
        raise ValueError(f"expected one or more works, each with its own name, got {keys}; leave doubles out")
    if rounds < 1:
        raise ValueError(f"expected rounds of at least 1, got {rounds}; raise it (the warm-up is not one of them)")
    rows = []
    for round_index in tqdm(range(-1, rounds), desc="rounds", disable=not progress):
        order = circle(range(len(works)), generator)
        measured = {index: timed(works[index]) for index in order}
        if round_index >= 0:
            for index, work in enumerate(works):
                rows.append((round_index, *work.key, order.index(index), *measured[index], work.saved_bytes))
    return pd.DataFrame(rows, columns=["round", *KEY, "turn", "seconds", "peak_bytes", "saved_bytes"])


def circle(things: Sequence[int], generator: torch.Generator) -> list[int]:
    """The things in a circle, from a random start and in a random direction.

    Neighbours stay neighbours, except at the start: 0 1 2 3 gives 2 3 0 1 or 1 0 3 2.
    """
    start, backwards = (int(torch.randint(count, (), generator=generator)) for count in (len(things), 2))
    turned = [*things[start:], *things[:start]]
    return turned[::-1] if backwards else turned


def timed(work: Work) -> tuple[float, float]:
    """Seconds per clip of one turn, and on a GPU its peak memory in bytes (NaN elsewhere)."""
    on_gpu, before = work.device.startswith("cuda"), 0
    if on_gpu:
        before = torch.cuda.memory_allocated(work.device)
        torch.cuda.reset_peak_memory_stats(work.device)
        torch.cuda.synchronize(work.device)
    start = time.perf_counter()
    work.run()
    if on_gpu:
        torch.cuda.synchronize(work.device)
    seconds = (time.perf_counter() - start) / work.clips
    if not on_gpu:
        return seconds, float("nan")
    return seconds, max(torch.cuda.max_memory_allocated(work.device) - before, work.recorded_bytes) + work.own_bytes


def speeds(table: pd.DataFrame, references: Mapping[str, str], *, views: int) -> pd.DataFrame:
    """Speed and memory of each work, from a table of ``measure``.

    Args:
        table: round, network, treatment, task, seconds (per view), peak_bytes, saved_bytes.
        references: for a network's name, the name of the network to compare its speed with, under the same treatment.
        views: views per video. The paper has 30: 10 clips of 3 crops.

    Returns: one row per work: network, treatment, task; seconds (per view, the median); videos_per_second
        (1 / (views x seconds)); speed_kept (the reference's seconds divided by the network's, within a round; the
        median), speed_kept_low and speed_kept_high (the quartiles; NaN without a reference); against_control
        (speed_kept divided by that of the control), its 95 % bootstrap interval as _low and _high; against_eager (the
        eager reference's seconds divided by the network's; a network without a reference is its own); peak_gib (NaN
        except on a GPU); saved_mib (NaN except for a step on a CPU).
        Example: in two rounds the reference takes 2 s and 3 s, and the network takes 4 s in both. speed_kept is 0.625,
        with quartiles 0.5625 and 0.6875.

    Raises: ValueError if views is below 1 or a name is not in the table.
    """
    if views < 1:
        raise ValueError(f"expected views of at least 1, got {views}; the paper has 30")
    names = [*dict.fromkeys(table["network"])]
    missing = sorted({*references, *references.values()} - {*names})
    if missing:
        raise ValueError(f"expected networks of the table, got {', '.join(missing)}; choose among {', '.join(names)}")
    seconds = table.pivot(index="round", columns=KEY, values="seconds")
    rows = []
    for (name, treatment, task), turns in table.groupby(KEY, sort=False):
        own, reference = seconds[name, treatment, task], references.get(name, name)
        row = {"network": name, "treatment": treatment, "task": task, "seconds": own.median()}
        row["videos_per_second"] = 1 / (views * row["seconds"])
        if name in references:
            ratios = seconds[reference, treatment, task] / own
            row |= dict(zip(KEPT, ratios.quantile([0.5, 0.25, 0.75]), strict=True))
            if (CONTROL, treatment, task) in seconds and CONTROL in references:
                control = seconds[references[CONTROL], treatment, task] / seconds[CONTROL, treatment, task]
                row |= dict(zip(AGAINST, over_control(ratios.to_numpy(), control.to_numpy()), strict=True))
        if (reference, "eager", task) in seconds:
            row["against_eager"] = (seconds[reference, "eager", task] / own).median()
        row |= {"peak_gib": turns["peak_bytes"].max() / 2**30, "saved_mib": turns["saved_bytes"].max() / 2**20}
        rows.append(row)
    return pd.DataFrame(rows, columns=[*KEY, "seconds", "videos_per_second", *KEPT, *AGAINST, *REST])


KEPT = ["speed_kept", "speed_kept_low", "speed_kept_high"]
AGAINST = ["against_control", "against_control_low", "against_control_high"]
REST = ["against_eager", "peak_gib", "saved_mib"]


def over_control(ratios: NDArray[np.float64], control: NDArray[np.float64]) -> tuple[float, float, float]:
    """The median of ratios divided by the median of the control's, and its 95 % percentile interval.

    Rounds are resampled, with the ratio and the control of a round together. The interval is NaN for fewer than two.
    """
    found = float(np.median(ratios) / np.median(control))
    if len(ratios) < 2:
        return found, float("nan"), float("nan")
    drawn = np.random.default_rng(0).integers(len(ratios), size=(RESAMPLES, len(ratios)))
    resampled = np.median(ratios[drawn], axis=1) / np.median(control[drawn], axis=1)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return found, float(low), float(high)


def noise(table: pd.DataFrame) -> float:
    """How far a ratio can be from 1 by chance: the largest distance of the control's quartiles from 1.

    ``table`` is the result of ``speeds``, whole or in part.

    Quartiles of 0.98 and 1.05 give 0.05. ValueError if the table has no control.
    """
    control = table[table["network"] == CONTROL]
    if not len(control):
        raise ValueError(
            f"expected a row {CONTROL!r}, got networks {list(table['network'])}; give the whole table of speeds"
        )
    return float((control[["speed_kept_low", "speed_kept_high"]] - 1).abs().max(axis=None))
