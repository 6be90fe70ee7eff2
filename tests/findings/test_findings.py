"""Titles of figures, by worked examples."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dnrlab import findings
from dnrlab.plots.style import set_titles


def test_the_title_of_a_training_gives_its_best_validation():
    history = pd.DataFrame({"epoch": [0, 1, 2], "top1": [0.1, 0.4, 0.6], "val_top1": [np.nan, 0.3, np.nan]})
    best = "runs/a: best top-1 on the validation videos 0.30, after epoch 2 of 3"
    assert findings.of_training("runs/a", history) == best
    assert findings.of_training("runs/a", history.assign(val_top1=[0.3, 0.3, 0.2])) == best  # the later of two
    history = history.assign(val_top1=np.nan).head(1)
    assert findings.of_training("runs/a", history) == "runs/a: top-1 on the training clips 0.10 after 1 epoch"


def test_the_most_common_mistake_is_named():
    matrix = pd.DataFrame([[3, 1, 0], [2, 2, 3], [0, 0, 4]], index=[*"abc"], columns=[*"abc"])
    tied = matrix.replace(2, 3)
    assert findings.of_confusion(tied).endswith("several mistakes are equally common, for example “b” taken for “a”")
    expected = "9 of 15 videos are classified correctly;\nmost common mistake: “b” taken for “c” (3 of 7)"
    assert findings.of_confusion(matrix) == expected
    assert findings.of_confusion(matrix.loc[["c"], [*"abc"]]) == "4 of 4 videos are classified correctly"
    assert findings.of_confusion(matrix.loc[["c"], ["c"]]) == "4 of 4 videos are classified correctly"  # a single class


@pytest.mark.parametrize(
    ("top1", "one", "every", "enough"),
    [
        ([0.5, 0.595, 0.6], "0.50", "0.60", "2 views are within 0.01 of that"),
        ([0.594, 0.6, 0.601], "0.59", "0.60", "1 view is within 0.01 of that"),
        ([0.6, 0.595, 0.5], "0.60", "0.50", "fewer views are more than 0.01 away from that"),
    ],
)
def test_the_title_gives_what_many_views_gain(top1, one, every, enough):
    table = pd.DataFrame({"views": [1, 2, 3], "top1": top1})
    change = f"Top-1 changes from {one} with one view per video to {every} with all 3"
    assert findings.of_views(table) == f"{change};\n{enough}"
    same = findings.of_views(table.assign(top1=[0.5, 0.6, 0.5]))
    assert same == "One view per video is as accurate as all 3: top-1 0.50"


@pytest.mark.parametrize(
    ("label", "predictions", "expected"),
    [
        ("up", {"bn": "down", "relay": "up", "dnr": "up"}, "“up”: relay and dnr are right, bn predicts “down”"),
        ("up", {"bn": "up"}, "“up”: bn is right"),
        ("up", {"a": "up", "b": "up", "c": "up"}, "“up”: a, b and c are right"),
        ("up", {"bn": "down", "dnr": "left"}, "“up”: bn predicts “down”, dnr predicts “left”"),
        ("", {"bn": "down"}, "bn predicts “down”"),
    ],
)
def test_the_title_of_maps_names_the_networks_that_are_right(label, predictions, expected):
    assert findings.of_maps(label, predictions) == expected


def recorded(gammas, kind="cross_temporal"):
    """A table with one layer per key, gamma by group (rows) and channel; beta is twice as large."""
    rows = [
        {"layer": layer, "kind": kind, "stage": layer[:6], "block": int(layer[7]), "group": group, "channel": channel}
        | {"gamma": gamma, "beta": 2 * gamma}
        for layer, values in gammas.items()
        for group, line in enumerate(values)
        for channel, gamma in enumerate(line)
    ]
    return pd.DataFrame(rows)


def test_the_title_of_groups_gives_how_much_the_parameters_change():
    table = recorded({"layer1.0.bn2": [[0.1, 0.2], [0.2, 0.3]], "layer2.0.bn2": [[0.1, 0.5], [0.4, 0.0]]})
    not_drawn = recorded({"layer1.0.bn2": [[0.0, 0.0], [0.9, 0.9]]})  # the first of two blocks
    table = pd.concat([not_drawn, table.replace("layer1.0.bn2", "layer1.1.bn2")])
    text = findings.of_groups("up", table)  # layer1 moves by 0.1 and 0.1, layer2 by 0.3 and 0.5
    assert "γ changes by 0.250\nand β by 0.500 (mean over the channels); γ changes most in layer2.0.bn2" in text
    assert "one frame group" in findings.of_groups("up", recorded({"layer1.0.bn2": [[0.1, 0.2]]}))


def test_the_fastest_change_lies_between_the_points_that_differ_most():
    seconds, gamma = [0.0, 0.5, 1.0, 2.0, 2.5], [0, 0.1, 0.3, 0.6, 0.6]  # steps per second: 0.2, 0.4, 0.3, 0
    channels = [pd.DataFrame({"seconds": seconds, "gamma": gamma, "beta": gamma, "channel": k}) for k in range(2)]
    table = pd.concat(channels).assign(layer="layer1.0.bn1")
    assert findings.fastest_change(table) == pytest.approx(0.75)
    assert findings.of_timeline("up", table) == "“up”: γ and β of layer1.0.bn1 change fastest at 0.8 s"
    still = table.assign(gamma=0.5 + 6e-8 * table["channel"] * (table["seconds"] > 1), beta=0.0)  # rounding
    assert findings.fastest_change(still) is None
    assert findings.of_timeline("up", still).endswith("stay the same")


def test_the_title_of_blocks_gives_whether_the_channels_spread():
    table = recorded({"layer1.0.bn1": [[0.1, 0.3]], "layer1.1.bn1": [[0.0, 0.6]]}, kind="cross_layer")
    assert findings.of_blocks(table).endswith("standard deviation 0.141 to 0.424 (mean over the stages)")
    assert "the spread of γ over the channels grows" in findings.of_blocks(table)
    assert "one block" in findings.of_blocks(table[table["block"] == 0])


def test_notes_name_a_quick_setting_and_the_seeds():
    assert findings.quick(2, 16) == "Quick setting (2 of 16 epochs):\n"
    assert findings.quick(16, 16) == findings.quick(20, 16) == ""
    assert findings.seeds_note(1) == "one seed, so the order of close values may change"
    assert findings.seeds_note(3) == "mean and standard deviation of 3 seeds; small points are single seeds"


def test_gains_are_points_beside_the_papers():
    table = pd.DataFrame(
        {"name": ["bn", "a", "b"], "label": ["batch norm", "uni", "bi"]}
        | {"gain": [0, 0.034, -0.012], "paper_gain": [0, 0.0176, 0.0276], "gain_low": np.nan}
    )
    measured = "Better than batch norm: 1 of 2 variants;\ngains of -1.2 to +3.4 points of top-1, most with “uni”"
    assert (
        findings.of_gains(table) == f"{measured}\n(in the paper gains of +1.8 to +2.8 points of top-1, most with “bi”)"
    )
    assert findings.of_gains(table.assign(paper_gain=np.nan)) == measured
    alone = "Better than batch norm: 1 of 1 variant;\na gain of +3.4 points of top-1"
    assert findings.of_gains(table[:2].assign(paper_gain=np.nan)) == alone
    seeds = table.assign(paper_gain=np.nan)
    assert findings.of_gains(seeds.assign(gain_low=[0, 0.001, -0.02])) == measured
    assert findings.of_gains(seeds.assign(gain_low=[0, -0.001, -0.02])) == measured.replace("1 of 2", "0 of 2")
    assert findings.of_gains(table.assign(gain=np.nan)) == "There is no variant to compare with batch norm"


def test_the_title_of_batches_gives_what_the_smallest_batch_costs():
    table = pd.DataFrame(
        {"norm": ["batch", "group", "dnr"] * 2, "label": ["batch norm", "group norm", "DNR"] * 2}
        | {"batch_size": [2] * 3 + [16] * 3, "top1": [0.3, 0.61, 0.55, 0.7, 0.6, 0.8]}
    )
    change = (
        "From batches of 16 clips to batches of 2, top-1 changes\n"
        "from 0.80 to 0.55 for DNR and from 0.70 to 0.30 for batch norm"
    )
    assert findings.of_batches(table) == f"{change};\nbest with batches of 2: group norm (0.61)"
    without = findings.of_batches(table.replace({"top1": {0.3: np.nan}}))
    assert "\nfrom 0.80 to 0.55 for DNR;\nbest with batches of 2: group norm (0.61)" in without
    assert findings.of_batches(table[:3]) == "Best with batches of 2: group norm (0.61)"


def test_long_notes_stay_within_the_figure():
    figure = plt.figure(figsize=(6, 3), layout="constrained")
    set_titles(figure, "a finding of many words " * 5, "a note of many words " * 15)
    figure.canvas.draw()
    for text in (figure._suptitle, figure._supxlabel):
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
    plt.close(figure)
