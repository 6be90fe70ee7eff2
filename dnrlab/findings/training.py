"""Sentences about a training and its evaluation."""

import pandas as pd

from dnrlab.text import count


def of_training(name: str, history: pd.DataFrame) -> str:
    """``runs/a: best top-1 on the validation videos 0.98, after epoch 12 of 16``.

    Without validation it is the top-1 on the training clips after the last epoch.
    """
    scored = history["val_top1"].dropna()
    if scored.empty:
        return (
            f"{name}: top-1 on the training clips {history['top1'].iloc[-1]:.2f} after {count(len(history), 'epoch')}"
        )
    best = int(history.loc[scored[scored == scored.max()].index[-1], "epoch"]) + 1  # the later of two equal epochs
    return f"{name}: best top-1 on the validation videos {scored.max():.2f}, after epoch {best} of {len(history)}"


def of_confusion(matrix: pd.DataFrame) -> str:
    """The number of correct predictions and the most common mistake.

    ``matrix`` has one row per label and one column per prediction.
    """
    right = sum(int(matrix.loc[label, label]) for label in matrix.index)
    total = int(matrix.to_numpy().sum())
    wrong = matrix.stack()
    wrong = wrong[wrong.index.get_level_values(0) != wrong.index.get_level_values(1)]
    finding = f"{right} of {total} videos are classified correctly"
    if wrong.empty or not wrong.max():
        return finding
    label, predicted = wrong.idxmax()
    if (wrong == wrong.max()).sum() > 1:
        return f"{finding};\nseveral mistakes are equally common, for example “{label}” taken for “{predicted}”"
    videos = int(matrix.loc[label].sum())
    return f"{finding};\nmost common mistake: “{label}” taken for “{predicted}” ({wrong.max()} of {videos})"


def of_views(by_number: pd.DataFrame, close: float = 0.01) -> str:
    """What all views of a video gain over one, and how many views are enough to come within ``close`` of all.

    ``Top-1 changes from 0.62 with one view per video to 0.71 with all 30;`` and on the next line
    ``8 views are within 0.01 of that``. ``by_number`` has columns views and top1.
    """
    top1 = by_number.set_index("views")["top1"]
    one, every, number = top1.iloc[0], top1.iloc[-1], int(top1.index[-1])
    if f"{one:.2f}" == f"{every:.2f}":
        return f"One view per video is as accurate as all {number}: top-1 {every:.2f}"
    far = top1.index[(top1 - every).abs() > close]
    enough = int(far.max()) + 1 if len(far) else 1
    within = f"{count(enough, 'view')} {'is' if enough == 1 else 'are'} within {close} of that"
    if enough == number:
        within = f"fewer views are more than {close} away from that"
    return f"Top-1 changes from {one:.2f} with one view per video to {every:.2f} with all {number};\n{within}"
