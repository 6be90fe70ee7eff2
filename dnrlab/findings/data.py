"""Sentences about data sets."""

import pandas as pd

from dnrlab.text import count


def of_counts(counts: pd.DataFrame) -> str:
    """Numbers of videos and classes, and how uneven the first split is.

    ``counts`` has one row per class and one column per split.

    ``1,600 videos of 10 classes; in train every class has 120 videos``.
    """
    total = f"{int(counts.to_numpy().sum()):,} videos of {count(len(counts), 'class').replace('classs', 'classes')}"
    name, first = counts.columns[0], counts.iloc[:, 0]
    if first.min() == first.max():
        return f"{total}; in {name} every class has {count(int(first.min()), 'video')}"
    return f"{total}; in {name} “{first.idxmin()}” has {first.min()} and “{first.idxmax()}” has {first.max()}"


def of_lengths(table: pd.DataFrame, needed: int) -> str:
    """The median length, and how many videos are shorter than a clip; ``table`` has a column num_frames."""
    frames = table["num_frames"].dropna()
    short = int((frames < needed).sum())
    middle = f"Half of the videos have {frames.median():.0f} frames or more"
    if frames.min() == frames.max():
        middle = f"Every video has {frames.min():.0f} frames"
    if not short:
        return f"{middle}; none is shorter than a clip ({needed} frames)"
    return f"{middle}; {short:,} of {len(frames):,} are shorter than a clip ({needed} frames), and repeat frames"


def of_reading(loaders: pd.DataFrame, views: pd.DataFrame) -> str:
    """The speed of the loader with the most workers, and the time that reading views together saves; medians.

    Args:
        loaders: columns num_workers, clips_per_second, and share, of the expected speed.
        views: columns way and seconds.
    """
    most = loaders.loc[loaders["num_workers"].idxmax()]
    seconds = views.groupby("way")["seconds"].median()
    return (
        f"{count(int(most['num_workers']), 'worker')} read {most['clips_per_second']:.0f} clips per second, "
        f"{most['share']:.2f} of the expected speed;\n"
        f"reading views together takes {seconds['together'] / seconds['one by one']:.2f} of the time of one by one"
    )


def of_check(errors: pd.DataFrame, files: int) -> str:
    """``1,600 files: no errors``, or the number of errors of each kind."""
    if errors.empty:
        return f"{files:,} files: no errors"
    kinds = [f"{number:,} × {kind}" for kind, number in errors["kind"].value_counts().items()]
    return f"{files:,} files; to fix: {', '.join(kinds)}"
