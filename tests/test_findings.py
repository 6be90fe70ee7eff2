"""Titles of figures, by worked examples."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dnrlab import findings
from dnrlab.plots.style import say


def test_a_training_is_told_by_its_last_validation():
    history = pd.DataFrame({"epoch": [0, 1, 2], "top1": [0.1, 0.4, 0.6], "val_top1": [np.nan, 0.3, np.nan]})
    best = "runs/a: best top-1 on the validation videos 0.30, after epoch 2 of 3"
    assert findings.of_training("runs/a", history) == best
    assert findings.of_training("runs/a", history.assign(val_top1=[0.3, 0.3, 0.2])) == best  # the later of two
    history = history.assign(val_top1=np.nan).head(1)
    assert findings.of_training("runs/a", history) == "runs/a: top-1 on the training clips 0.10 after 1 epoch"


def test_the_commonest_mistake_is_named():
    matrix = pd.DataFrame([[3, 1, 0], [2, 2, 3], [0, 0, 4]], index=[*"abc"], columns=[*"abc"])
    tied = matrix.replace(2, 3)
    assert findings.of_confusion(tied).endswith("mistakes are spread, for example “b” taken for “a”")
    expected = "9 of 15 videos are right;\ncommonest mistake: “b” taken for “c” (3 of 7)"
    assert findings.of_confusion(matrix) == expected
    assert findings.of_confusion(matrix.loc[["c"], [*"abc"]]) == "4 of 4 videos are right"
    assert findings.of_confusion(matrix.loc[["c"], ["c"]]) == "4 of 4 videos are right"  # a single class


@pytest.mark.parametrize(
    ("label", "predictions", "expected"),
    [
        ("up", {"bn": "down", "relay": "up", "dnr": "up"}, "“up”: relay and dnr are right, bn says “down”"),
        ("up", {"bn": "up"}, "“up”: bn is right"),
        ("up", {"a": "up", "b": "up", "c": "up"}, "“up”: a, b and c are right"),
        ("up", {"bn": "down", "dnr": "left"}, "“up”: bn says “down”, dnr says “left”"),
        ("", {"bn": "down"}, "bn says “down”"),
    ],
)
def test_maps_say_who_is_right(label, predictions, expected):
    assert findings.of_maps(label, predictions) == expected


def recorded(gammas, kind="cross_temporal"):
    """A table of one layer a key, with gamma by group (rows) and channel; beta is twice as large."""
    rows = [
        {"layer": layer, "kind": kind, "stage": layer[:6], "block": int(layer[7]), "group": group, "channel": channel}
        | {"gamma": gamma, "beta": 2 * gamma}
        for layer, values in gammas.items()
        for group, line in enumerate(values)
        for channel, gamma in enumerate(line)
    ]
    return pd.DataFrame(rows)


def test_groups_say_how_far_the_parameters_move():
    table = recorded({"layer1.0.bn2": [[0.1, 0.2], [0.2, 0.3]], "layer2.0.bn2": [[0.1, 0.5], [0.4, 0.0]]})
    not_drawn = recorded({"layer1.0.bn2": [[0.0, 0.0], [0.9, 0.9]]})  # the first of two blocks
    table = pd.concat([not_drawn, table.replace("layer1.0.bn2", "layer1.1.bn2")])
    text = findings.of_groups("up", table)  # layer1 moves by 0.1 and 0.1, layer2 by 0.3 and 0.5
    assert "γ moves by 0.250\nand β by 0.500 (mean of the channels), γ most in layer2.0.bn2" in text
    assert "one frame group" in findings.of_groups("up", recorded({"layer1.0.bn2": [[0.1, 0.2]]}))


def test_the_fastest_change_lies_between_the_points_that_differ_most():
    seconds, gamma = [0.0, 0.5, 1.0, 2.0, 2.5], [0, 0.1, 0.3, 0.6, 0.6]  # steps a second: 0.2, 0.4, 0.3, 0
    channels = [pd.DataFrame({"seconds": seconds, "gamma": gamma, "beta": gamma, "channel": k}) for k in range(2)]
    table = pd.concat(channels).assign(layer="layer1.0.bn1")
    assert findings.fastest_change(table) == pytest.approx(0.75)
    assert findings.of_timeline("up", table) == "“up”: γ and β of layer1.0.bn1 change fastest at 0.8 s"
    still = table.assign(gamma=0.5 + 6e-8 * table["channel"] * (table["seconds"] > 1), beta=0.0)  # rounding
    assert findings.fastest_change(still) is None
    assert findings.of_timeline("up", still).endswith("stay the same")


def test_blocks_say_whether_the_channels_spread():
    table = recorded({"layer1.0.bn1": [[0.1, 0.3]], "layer1.1.bn1": [[0.0, 0.6]]}, kind="cross_layer")
    assert findings.of_blocks(table).endswith("standard deviation 0.141 to 0.424 (mean of the stages)")
    assert "γ widens over the channels" in findings.of_blocks(table)
    assert "one block" in findings.of_blocks(table[table["block"] == 0])


def test_long_notes_stay_within_the_figure():
    figure = plt.figure(figsize=(6, 3), layout="constrained")
    say(figure, "a finding of many words " * 5, "a note of many words " * 15)
    figure.canvas.draw()
    for text in (figure._suptitle, figure._supxlabel):
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
    plt.close(figure)
