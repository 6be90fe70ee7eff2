"""What DNR costs: the paper's numbers, and the figure with its title."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from dnrlab import findings, paper
from dnrlab.bench import BenchConfig, count_costs
from dnrlab.plots import speed_kept


def test_the_numbers_of_the_paper():
    table = paper.kinetics400().set_index("network")
    assert list(table["paper_speed_kept"].dropna()) == [0.70, 0.74, 0.64, 0.81]
    tsn = table.loc[["tsn_resnet50", "tsn_resnet50 + DNR"], "paper_top1"]
    assert tsn.diff().iloc[1] == pytest.approx(2.70)
    plain = table[table["paper_speed_kept"].isna()]
    counts = count_costs(list(plain.index), BenchConfig()).set_index("network").loc[plain.index, "gmacs"]
    assert list((counts.round() - plain["paper_gflops"]).drop("tanet_resnet50")) == [0, 0, 0]


def kept(*rows):
    """Name, speed kept and the paper's."""
    table = pd.DataFrame(rows, columns=["network", "speed_kept", "paper_speed_kept"])
    return table.assign(speed_kept_low=table["speed_kept"] - 0.03, speed_kept_high=table["speed_kept"] + 0.02)


NONE = float("nan")
CONTROL = ("control", 1.01, NONE)
TSN, TDN = ("tsn_resnet50 + DNR", 0.83, 0.70), ("tdn_resnet50 + DNR", 0.95, 0.81)
OTHER, FASTER = ("tsm_resnet18 + DNR", 0.99, NONE), ("tdn_resnet18 + DNR", 1.02, NONE)


@pytest.mark.parametrize(
    ("rows", "kept_speed", "in_brackets"),
    [
        ((TSN, TDN, CONTROL), "2 networks keep 0.83 to 0.95 of their speed", "in the paper 0.70 to 0.81; NOISE"),
        ((CONTROL, TSN), "tsn_resnet50 keeps 0.83 of its speed", "in the paper 0.70; NOISE"),
        ((OTHER, CONTROL), "tsm_resnet18 keeps 0.99 of its speed", "NOISE, this is within it"),
        ((OTHER, FASTER, CONTROL), "2 networks keep 0.99 to 1.02 of their speed", "NOISE, all within it"),
        (
            (TSN, TDN, OTHER, CONTROL),
            "3 networks keep 0.83 to 0.99 of their speed",
            "in the paper 0.70 to 0.81; NOISE, 1 of 3 within it",
        ),
    ],
)
def test_the_title_says_what_share_of_the_speed_is_left(rows, kept_speed, in_brackets):
    in_brackets = in_brackets.replace("NOISE", "noise of the machine: ±0.03")
    assert findings.of_speeds(kept(*rows), 0.03) == f"With DNR, {kept_speed}\n({in_brackets})"


def test_the_figure_shows_what_the_table_says():
    figure = speed_kept(kept(CONTROL, TSN, TDN), "finding", "note", noise=0.03)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["tsn_resnet50", "tdn_resnet50", "control"]
    points = {bars.get_label().split(":")[0]: list(bars.lines[0].get_xdata()) for bars in axes.containers}
    assert points == {"measured": [0.83, 0.95], "control": [1.01]}
    (ends,) = axes.containers[0].lines[2]
    assert [list(bar[:, 0]) for bar in ends.get_segments()] == [
        pytest.approx([0.80, 0.85]),
        pytest.approx([0.92, 0.97]),
    ]
    (papers,) = [line for line in axes.lines if line.get_marker() == "D"]
    assert list(papers.get_xdata())[:2] == [0.70, 0.81]
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == (0.97, pytest.approx(0.06))
    plt.close(figure)
