"""Sentences about trainings and comparisons of networks."""

import pandas as pd

from dnrlab.findings.words import count, listed, span


def of_training(name: str, history: pd.DataFrame) -> str:
    """``runs/a: best top-1 on the validation videos 0.98, after epoch 12 of 16``; of the training clips without any."""
    scored = history["val_top1"].dropna()
    if scored.empty:
        return (
            f"{name}: top-1 on the training clips {history['top1'].iloc[-1]:.2f} after {count(len(history), 'epoch')}"
        )
    best = int(history.loc[scored[scored == scored.max()].index[-1], "epoch"]) + 1  # a later epoch wins a tie
    return f"{name}: best top-1 on the validation videos {scored.max():.2f}, after epoch {best} of {len(history)}"


def of_confusion(matrix: pd.DataFrame) -> str:
    """The share that is right, and the commonest mistake; ``matrix`` has labels by row and predictions by column."""
    right = sum(int(matrix.loc[label, label]) for label in matrix.index)
    total = int(matrix.to_numpy().sum())
    wrong = matrix.stack()
    wrong = wrong[wrong.index.get_level_values(0) != wrong.index.get_level_values(1)]
    finding = f"{right} of {total} videos are right"
    if wrong.empty or not wrong.max():
        return finding
    label, predicted = wrong.idxmax()
    if (wrong == wrong.max()).sum() > 1:
        return f"{finding};\nmistakes are spread, for example “{label}” taken for “{predicted}”"
    number = int(matrix.loc[label].sum())
    return f"{finding};\ncommonest mistake: “{label}” taken for “{predicted}” ({wrong.max()} of {number})"


def of_views(by_number: pd.DataFrame, close: float = 0.01) -> str:
    """What many views of a video give over one, and how many give about as much; ``by_number`` has views and top1.

    ``Top-1 goes from 0.62 with one view of a video to 0.71 with all 30;\n8 views are within 0.01 of that``.
    """
    top1 = by_number.set_index("views")["top1"]
    one, every, number = top1.iloc[0], top1.iloc[-1], int(top1.index[-1])
    if f"{one:.2f}" == f"{every:.2f}":
        return f"One view of a video is right as often as all {number}: top-1 {every:.2f}"
    far = top1.index[(top1 - every).abs() > close]
    enough = int(far.max()) + 1 if len(far) else 1
    within = f"{count(enough, 'view')} {'is' if enough == 1 else 'are'} within {close} of that"
    if enough == number:
        within = f"fewer views are more than {close} away from that"
    return f"Top-1 goes from {one:.2f} with one view of a video to {every:.2f} with all {number};\n{within}"


def of_gains(table: pd.DataFrame) -> str:
    """What the variants gain on batch norm, in points of top-1, and in the paper where it has them.

    ``table`` has columns name, label, gain and paper_gain, in shares; ``bn`` is the baseline, and is not counted.
    """
    others = table[table["name"] != "bn"].dropna(subset="gain")
    if others.empty:
        return "There is nothing to compare with batch norm"
    better = int((others["gain"] > 0).sum())
    finding = f"{better} of {count(len(others), 'variant')} above batch norm;\n{gain_range(others, 'gain')}"
    published = others.dropna(subset="paper_gain")
    return finding + (f"\n(in the paper {gain_range(published, 'paper_gain')})" if len(published) else "")


def gain_range(table: pd.DataFrame, name: str) -> str:
    """``gains of -1.2 to +3.4 points of top-1, most with “bi”``; of one variant ``a gain of +3.4 points of top-1``."""
    points = 100 * table[name]
    if len(points) == 1:
        return f"a gain of {points.iloc[0]:+.1f} points of top-1"
    most = table.loc[points.idxmax(), "label"]
    return f"gains of {points.min():+.1f} to {points.max():+.1f} points of top-1, most with “{most}”"


def of_batches(table: pd.DataFrame) -> str:
    """How DNR and batch norm take the step from the largest batch to the smallest, and which norm is best there.

    ``table`` has columns norm, label, batch_size and top1.
    """
    table = table.dropna(subset="top1")
    sizes = sorted(int(size) for size in table["batch_size"].unique())
    wide = table.pivot(index="batch_size", columns="label", values="top1")
    smallest, largest = wide.loc[sizes[0]], wide.loc[sizes[-1]]
    best = f"in batches of {sizes[0]}: {smallest.idxmax()} ({smallest.max():.2f})"
    shown = [label for label in ("DNR", "batch norm") if label in smallest.dropna() and label in largest.dropna()]
    if len(sizes) == 1 or not shown:
        return f"Best {best}"
    goes = [f"from {largest[label]:.2f} to {smallest[label]:.2f} for {label}" for label in shown]
    return f"From batches of {sizes[-1]} clips to {sizes[0]} top-1 goes\n{listed(goes)};\nbest {best}"


def spread(seeds: int) -> str:
    """What a point of a figure is: ``mean and standard deviation of 3 seeds, and each as a small point``."""
    if seeds == 1:
        return "one seed, so that close values may change places"
    return f"mean and standard deviation of {seeds} seeds, and each as a small point"


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
