"""Sentences about data sets."""

import pandas as pd

from dnrlab.text import count


def of_counts(counts: pd.DataFrame) -> str:
    """How many videos of how many classes, and how uneven the first split is; ``counts`` has classes by splits.

    ``1,600 videos of 10 classes; in train every class has 120``.
    """
    total = f"{int(counts.to_numpy().sum()):,} videos of {count(len(counts), 'class').replace('classs', 'classes')}"
    name, first = counts.columns[0], counts.iloc[:, 0]
    if first.min() == first.max():
        return f"{total}; in {name} every class has {first.min()}"
    return f"{total}; in {name} “{first.idxmin()}” has {first.min()}, “{first.idxmax()}” {first.max()}"


def of_lengths(table: pd.DataFrame, needed: int) -> str:
    """Median length, and how many videos are shorter than a clip; ``table`` has num_frames."""
    frames = table["num_frames"].dropna()
    short = int((frames < needed).sum())
    middle = f"Half of the videos have {frames.median():.0f} frames or more"
    if frames.min() == frames.max():
        middle = f"Every video has {frames.min():.0f} frames"
    if not short:
        return f"{middle}; none is shorter than a clip ({needed} frames)"
    return f"{middle}; {short:,} of {len(frames):,} are shorter than a clip ({needed} frames), and repeat some"


def of_reading(loaders: pd.DataFrame, views: pd.DataFrame) -> str:
    """What the largest loader reaches of what its workers promise, and what reading views together saves; medians.

    ``loaders`` has num_workers, clips_per_second and share; ``views`` way and seconds.
    """
    most = loaders.loc[loaders["num_workers"].idxmax()]
    seconds = views.groupby("way")["seconds"].median()
    return (
        f"{count(int(most['num_workers']), 'worker')} read {most['clips_per_second']:.0f} clips a second, "
        f"{most['share']:.2f} of what they promise alone;\n"
        f"views read together take {seconds['together'] / seconds['one by one']:.2f} of the time of one by one"
    )


def of_check(errors: pd.DataFrame, files: int) -> str:
    """``1,600 files, all can be read`` or what must be mended, by kind."""
    if errors.empty:
        return f"{files:,} files: nothing must be mended"
    kinds = [f"{number:,} × {kind}" for kind, number in errors["kind"].value_counts().items()]
    return f"{files:,} files; to mend: {', '.join(kinds)}"
