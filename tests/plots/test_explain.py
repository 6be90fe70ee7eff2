"""Figures and titles of what is measured inside networks: drawn from tables made by hand, and compared with them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dnrlab import findings, plots


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def intervals(rows, columns):
    """A table with an interval of ± 0.1 around each mean."""
    table = pd.DataFrame(rows, columns=[*columns, "mean"])
    return table.assign(low=table["mean"] - 0.1, high=table["mean"] + 0.1, n=10)


def bars_of(axes):
    """(x, y) of the points of each error bar."""
    return [tuple(map(list, container.lines[0].get_data())) for container in axes.containers]


LOCAL = intervals(
    [(name, measure, value + shift) for name, shift in (("bn", 0), ("dnr", 0.2))
     for measure, value in (("share", 0.3), ("pointing", 0.5), ("steadiness", 0.7))],
    ["network", "measure"],
)  # fmt: skip


def test_localisation_shows_one_point_per_network_in_one_panel_per_measure():
    figure = plots.localisation_figure(LOCAL, 0.12, "f", "n")
    assert [bars_of(axes) for axes in figure.axes] == [
        [([value], [0]), ([value + 0.2], [1])] for value in (0.3, 0.5, 0.7)
    ]
    assert [axes.lines[-1].get_xdata()[0] for axes in figure.axes[:2]] == [0.12, 0.12]
    differences = pd.DataFrame(
        [("dnr", "share", 0.2, 0.1, 0.3), ("dnr", "pointing", 0, 0, 0), ("other", "share", 0.01, -0.1, 0.12)],
        columns=["network", "measure", "mean", "low", "high"],
    )
    blob = intervals([("blob", "share", 0.5)], ["network", "measure"])
    title = findings.of_localisation(differences, "bn", pd.concat([LOCAL, blob]))
    assert title == (
        "0.30 of the heat of bn lies on the object;\n"
        "difference from bn: dnr +0.200 [+0.100, +0.300], other +0.010 [-0.100, +0.120] (unclear);\n"
        "controls: blob 0.50"
    )
    alone = findings.of_localisation(differences[:0], "bn", LOCAL[:3])
    assert alone == "0.30 of the heat of bn lies on the object"


def test_traits_are_lines_over_the_thirds():
    values = {"size": [2.0, 2.1, 2.15], "speed": [3.0, 2.0, 1.0]}
    rows = [("a", trait, third, mean) for trait, own in values.items() for third, mean in zip("xyz", own, strict=True)]
    table = intervals(rows, ["network", "trait", "third"])
    figure = plots.traits_figure(table, "f", "n")
    assert [bars_of(axes)[0][1] for axes in figure.axes] == list(values.values())
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["x", "y", "z"]
    assert findings.of_traits(table, "bn") == "Heat on the object, minus that of bn:\nhighest for a at low speed"
    unclear = table[table["trait"] == "size"]
    assert findings.of_traits(unclear, "bn").endswith("no trait makes a clear difference")


def test_forgetting_is_a_line_over_the_parts():
    rows = [("bn", part, step, mean) for step, (part, mean) in enumerate([("fc", 0.9), ("conv1", 0.1)], start=1)]
    table = intervals(rows, ["network", "forgotten", "step"])
    (axes,) = plots.forgetting_figure(table, "f", "n").axes
    assert axes.lines[0].get_xydata().tolist() == [[1, 0.9], [2, 0.1]]
    assert findings.of_forgetting(table) == (
        "With random weights in fc the maps stay similar (rank correlation 0.90);\n"
        "with random weights everywhere they change (rank correlation 0.10)"
    )


def test_faithfulness_has_the_curves_and_those_of_random_maps():
    shares, kinds = [0.0, 0.5, 1.0], ("deletion", "insertion", "random_deletion", "random_insertion")
    rows = [("bn", kind, share, level + share / 10) for level, kind in enumerate(kinds) for share in shares]
    table = intervals(rows, ["network", "curve", "share"])
    left, right = plots.faithfulness_figure(table, "f", "n").axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[0, 0.05, 0.1], [2, 2.05, 2.1]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[1, 1.05, 1.1], [3, 3.05, 3.1]]
    gains = intervals([("bn", "deletion", -0.2), ("bn", "insertion", 0.3)], ["network", "measure"])
    assert findings.of_faithfulness(gains) == (
        "Area under the deletion curve, map minus random map (lower is better): bn -0.200 [-0.300, -0.100]\n"
        "Area under the insertion curve, map minus random map (higher is better): bn +0.300 [+0.200, +0.400]"
    )


def test_reversal_has_one_panel_per_order():
    right, others = {"forwards": 0.8, "backwards": 0.1}, {"turned": 0.2, "same": 0.3}
    rows = [
        (name, order, measure, value)
        for name in ("a", "b")
        for order in right
        for measure, value in {"right": right[order], **others}.items()
    ]
    table = intervals(rows, ["network", "order", "measure"])
    figure = plots.reversal_figure(table, "f", "n")
    assert [axes.get_title() for axes in figure.axes] == ["forwards", "backwards"]
    assert bars_of(figure.axes[1]) == [([0.1, 0.1], [0, 1]), ([0.2, 0.2], [0, 1])]
    assert findings.of_reversal(table) == (
        "Played backwards, videos are classified as the reversed class (share of the videos):\na 0.20, b 0.20"
    )
    unknown = table.assign(mean=table["mean"].where(table["measure"] != "turned"))
    assert len(plots.reversal_figure(unknown, "f", "n").axes[0].containers) == 1
    assert findings.of_reversal(unknown).startswith("Played backwards, videos are classified correctly (share")


PARTS = pd.DataFrame(
    [("layer1.0.bn2", "cross_temporal", "gamma", 1.0, 0.1, 0.4, 0.4, 0.1),
     ("layer2.0.bn2", "cross_temporal", "gamma", 1.0, 0.0, 0.2, 0.2, 0.6),
     ("layer1.0.bn2", "cross_temporal", "beta", 0.0, np.nan, np.nan, np.nan, np.nan),
     ("layer2.0.bn2", "cross_temporal", "beta", 1.0, 1.0, 0.0, 0.0, 0.0)],
    columns=["layer", "kind", "name", "total", "position", "within_clips", "between_clips", "between_classes"],
)  # fmt: skip


def test_parts_of_the_variance_are_stacked():
    gamma, beta = plots.variance_figure(PARTS, "f", "n").axes
    heights = [[bar.get_height() for bar in container] for container in gamma.containers]
    np.testing.assert_allclose(heights, [[0.1, 0], [0.4, 0.2], [0.4, 0.2], [0.1, 0.6]])
    assert [bar.get_y() for bar in gamma.containers[3]] == pytest.approx([0.9, 0.4])
    assert beta.containers[0][1].get_height() == 1
    assert findings.of_variance(PARTS) == (
        "0.10 of the variance of γ lies between classes in layer1.0.bn2, and 0.60 in layer2.0.bn2;\n"
        "the position in the relay explains 0.10 and 0.00"
    )
    assert findings.of_variance(PARTS[PARTS["name"] == "beta"]) == "γ is constant"


def test_probes_stand_over_their_layers_with_their_control():
    rows = [("l1", "cross_layer", "true", 0.4), ("l2", "cross_layer", "true", 0.8), ("all", "all", "true", 0.9),
            ("l1", "cross_layer", "shuffled", 0.1), ("l2", "cross_layer", "shuffled", 0.12),
            ("all", "all", "shuffled", 0.11)]  # fmt: skip
    table = intervals(rows, ["layer", "kind", "labels"])
    (axes,) = plots.probe_figure(table, 0.95, 0.1, "f", "n").axes
    found = [([*x], [*y]) for x, y in bars_of(axes)]
    assert ([0, 1], [0.4, 0.8]) in found
    assert ([0, 1], [0.1, 0.12]) in found
    assert ([2], [0.9]) in found
    heights = [line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert {0.95, 0.1} <= {*heights}
    assert findings.of_probe(table, 0.95) == (
        "A linear probe of γ and β of l2 classifies 0.80 of the videos correctly\n"
        "[0.70, 0.90]; the network itself classifies 0.95 correctly"
    )


def test_the_cut_relay_has_bars_and_what_it_explains():
    cuts = intervals([("none", 0.9), ("over time", 0.5), ("over layers", 0.8), ("both", 0.4)], ["cut"])
    influence = pd.DataFrame(
        [("layer1.lstm", "cross_layer", "gamma", 0.1), ("layer1.lstm", "cross_layer", "beta", 0.3)],
        columns=["cell", "kind", "name", "change"],
    )
    left, right = plots.cut_figure(cuts, influence, 0.1, "f", "n").axes
    assert [bar.get_height() for bar in left.patches] == [0.9, 0.5, 0.8, 0.4]
    assert [float(line.get_ydata()[0]) for line in right.lines] == pytest.approx([0.1, 0.3])
    assert findings.of_cuts(cuts) == (
        "Top-1 is 0.90 with the whole relay;\n"
        "0.50 without the relay over time, 0.80 without the relay over layers, 0.40 without both"
    )


def test_trajectories_run_from_the_open_point_to_the_full_one():
    rows = [(video, "up", second, second, video) for video in (0, 1) for second in (2.0, 1.0)]
    table = pd.DataFrame(rows, columns=["video", "label", "seconds", "first", "second"]).assign(explained=0.7)
    (axes,) = plots.trajectories_figure(table, "f", "n").axes
    path, start, end = axes.lines[:3]
    assert path.get_xdata().tolist() == [1, 2]
    assert (start.get_xdata()[0], start.get_markerfacecolor()) == (1, "white")
    assert (end.get_xdata()[0], end.get_markerfacecolor() == end.get_color()) == (2, True)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["up"]
    assert (
        findings.of_trajectories(table, "l")
        == "γ and β of l along 2 videos:\ntwo principal components show 70% of their variance"
    )
    assert findings.quick(3, 10, "videos") == "Quick setting (3 of 10 videos):\n"
