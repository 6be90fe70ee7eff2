"""Sentences about a training and its evaluation."""

import pandas as pd

from dnrlab.text import count


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
