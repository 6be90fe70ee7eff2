"""Sentences about what training, testing and DNR cost."""

from typing import Any

import pandas as pd

from dnrlab.text import count, duration, listed, span

NOISY = 1.25  # speed-up over one process that has all cores; more means that the one was slow


def of_scaling(table: pd.DataFrame, *, shared: bool) -> str:
    """How much faster the largest number of processes trains than one, and which share of the ideal speed that is.

    Args:
        table: columns kind, processes, clips_per_second, efficiency, efficiency_low and efficiency_high.
        shared: whether the processes share the cores of a CPU. One process uses all of them with its threads, so
            several are then about as fast as one.
    """
    training = table[table["kind"] == "training"].set_index("processes")
    one, most = training.loc[1], training.loc[training.index.max()]
    if training.index.max() == 1:
        return f"One process trains on {one['clips_per_second']:.3g} clips per second"
    times, low, high = (int(most.name) * most[f"efficiency{end}"] for end in ("", "_low", "_high"))
    finding = f"{most.name} processes train {times:.2f} times as fast as one ({low:.2f} to {high:.2f} over the rounds)"
    if not shared:
        return f"{finding}: {most['efficiency']:.2f} of the ideal speed"
    if times > NOISY:
        return f"{finding};\nthey share its cores, so one process left cores idle or other work slowed it down"
    return f"{finding};\nthey share its cores, so 1 is expected"


def of_budget(table: pd.DataFrame, *, device: str, share: float = 1) -> str:
    """How long a training with its validations and a test take on the fewest devices, and what limits their speed.

    Args:
        table: columns devices, task, hours and bound.
        device: the word for a device, ``GPU`` or ``machine``.
        share: multiply-accumulates of what was measured, divided by those of the recipe.
    """
    fewest = int(table["devices"].min())
    rows = table[table["devices"] == fewest].set_index("task")
    training = duration(rows.loc[["training", "validation"], "hours"].sum())
    bounds = {task: rows.loc[task, "bound"] for task in ("training", "testing")}
    limits = f"{bounds['training']} limits both" if len({*bounds.values()}) == 1 else ""
    limits = limits or listed([f"{bound} limits {task}" for task, bound in bounds.items()])
    testing = duration(rows.loc["testing", "hours"])
    part = ";\n" if share == 1 else f"\n(measured with {share:.2g} of the recipe's multiply-accumulates); "
    return f"Training takes {training} on {count(fewest, f'such {device}')}, testing takes {testing}{part}{limits}"


def of_shape(measured: dict[str, Any], published: dict[str, Any], *, share: float) -> str:
    """Which clips and network the speeds were measured with: the recipe's own, or the settings that differ from it.

    ``share`` is the multiply-accumulates of a measured clip, divided by those of the recipe. A size of 112 instead of
    224 gives ``measured with crop_size 112 (recipe: 224), 0.25 of the recipe's multiply-accumulates: the hours are
    valid for these settings only``.
    """
    other = [
        f"{name} {value} (recipe: {published[name]})" for name, value in measured.items() if value != published[name]
    ]
    if not other:
        return "measured with the recipe's own settings"
    return (
        f"measured with {listed(other)}, {share:.2g} of the recipe's multiply-accumulates: "
        "the hours are valid for these settings only"
    )


def of_speeds(table: pd.DataFrame, noise: float) -> str:
    """The speed of networks with DNR as a share of their speed without, beside the noise and the paper's values.

    Args:
        table: columns network (the names with DNR, and ``control``), speed_kept, and paper_speed_kept (NaN if the
            paper has no value).
        noise: the distance from 1 within which a ratio means nothing.
    """
    by_name = table.set_index("network")
    kept, paper = by_name["speed_kept"].drop("control"), by_name["paper_speed_kept"]
    within = kept.sub(1).abs() <= noise
    if len(kept) == 1:
        who, whose, how_many = f"{kept.index[0].removesuffix(' + DNR')} keeps", "its", "this is"
    else:
        who, whose = f"{len(kept)} networks keep", "their"
        how_many = "all" if within.all() else f"{within.sum()} of {len(kept)}"
    published = f"in the paper {span(paper.min(), paper.max())}; " if paper.notna().any() else ""
    verdict = f", {how_many} within it" if within.any() else ""
    return (
        f"With DNR, {who} {span(kept.min(), kept.max())} of {whose} speed\n"
        f"({published}noise of the machine: ±{noise:.2f}{verdict})"
    )
