"""Sentences about what training, testing and DNR cost."""

from typing import Any

import pandas as pd

from dnrlab.text import count, duration, listed, span

NOISY = 1.25  # times as fast as one process that has all cores


def of_scaling(table: pd.DataFrame, *, shared: bool) -> str:
    """How much faster the most processes train than one, and what that is of the ideal.

    ``table`` has kind, processes, clips_per_second, efficiency and its _low and _high; ``shared``: on a CPU, whose
    cores the processes share, so that they are about as fast as one, whose threads work together.
    """
    training = table[table["kind"] == "training"].set_index("processes")
    one, most = training.loc[1], training.loc[training.index.max()]
    if training.index.max() == 1:
        return f"One process trains on {one['clips_per_second']:.3g} clips a second"
    times, low, high = (int(most.name) * most[f"efficiency{end}"] for end in ("", "_low", "_high"))
    finding = f"{most.name} processes train {times:.2f} times as fast as one ({low:.2f} to {high:.2f} within rounds)"
    if not shared:
        return f"{finding}: {most['efficiency']:.2f} of the ideal"
    if times > NOISY:
        return f"{finding};\nthey share its cores: it did not use them all, or other work held it up"
    return f"{finding};\nthey share its cores, so that 1 is what to expect"


def of_plan(table: pd.DataFrame, *, device: str, share: float = 1) -> str:
    """How long a training with its validations and a test take on the fewest devices, and what bounds them.

    ``table`` has devices, task, hours and bound; ``device`` is what to call one: ``GPU`` or ``machine``; ``share``
    is what was measured in parts of the multiply-accumulates of the recipe.
    """
    fewest = int(table["devices"].min())
    rows = table[table["devices"] == fewest].set_index("task")
    training = duration(rows.loc[["training", "validation"], "hours"].sum())
    bounds = {task: rows.loc[task, "bound"] for task in ("training", "testing")}
    told = f"{bounds['training']} bounds both" if len({*bounds.values()}) == 1 else ""
    told = told or listed([f"{bound} bounds the {task}" for task, bound in bounds.items()])
    tested = duration(rows.loc["testing", "hours"])
    part = ";\n" if share == 1 else f"\n({share:.2g} of the recipe's multiply-accumulates); "
    return f"Training takes {training} on {count(fewest, f'such {device}')}, testing {tested}{part}{told}"


def of_shape(measured: dict[str, Any], published: dict[str, Any], *, share: float) -> str:
    """What the measured speeds hold for: the recipe's own clips and network, or others, by name, that differ from it.

    ``share`` is what a measured clip multiplies in parts of the recipe's. Sizes of 112 in place of 224 give
    ``measured at crop_size 112 (the recipe: 224), 0.25 of its multiply-accumulates: the hours hold for that alone``.
    """
    other = [
        f"{name} {value} (the recipe: {published[name]})"
        for name, value in measured.items()
        if value != published[name]
    ]
    if not other:
        return "measured at the recipe's own shape"
    return f"measured at {listed(other)}, {share:.2g} of its multiply-accumulates: the hours hold for that alone"


def of_speeds(table: pd.DataFrame, noise: float) -> str:
    """How much of their speed networks keep with DNR, whether that is more than noise, and what the paper says.

    ``table`` has network (with DNR, and ``control``), speed_kept, and paper_speed_kept (NaN where there is none);
    ``noise`` is how far from 1 a ratio may be and mean nothing.
    """
    by_name = table.set_index("network")
    kept, paper = by_name["speed_kept"].drop("control"), by_name["paper_speed_kept"]
    within = kept.sub(1).abs() <= noise
    if len(kept) == 1:
        who, whose, how_many = f"{kept.index[0].removesuffix(' + DNR')} keeps", "its", "this is"
    else:
        who, whose = f"{len(kept)} networks keep", "their"
        how_many = "all" if within.all() else f"{within.sum()} of {len(kept)}"
    said = f"in the paper {span(paper.min(), paper.max())}; " if paper.notna().any() else ""
    verdict = f", {how_many} within it" if within.any() else ""
    return (
        f"With DNR {who} {span(kept.min(), kept.max())} of {whose} speed\n"
        f"({said}noise of the machine: ±{noise:.2f}{verdict})"
    )
