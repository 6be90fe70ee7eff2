"""What each part of DNR adds, on worked examples."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dnrlab import findings
from dnrlab.evaluation.intervals import paired_difference, run_interval, smallest_difference, smallest_run_difference
from dnrlab.experiments.variants import differences, means, read_videos
from dnrlab.plots import differences_figure

TOP1 = {"bn": {0: 0.25, 1: 0.5}, "interlaced": {0: 0.5, 1: 0.75}, "both": {0: 1.0, 1: 0.75}}
ALIKE = {"dataset": "d", "network": "n", "pixels": 8, "width": 8, "grid": "g"}


def videos_of(accuracies, *, fold=lambda seed: ""):
    """Four videos per run, of two sources, of which the first ones are right."""
    rows = [
        {**ALIKE, "run": f"{name}{seed}", "variant": name, "fold": fold(seed), "seed": seed, "path": f"{fold(seed)}{n}",
         "source": f"s{n // 2}", "label": "x", "right": float(n < round(4 * top1))}
        for name, runs in accuracies.items()
        for seed, top1 in runs.items()
        for n in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_means_are_over_the_runs():
    table = means(videos_of(TOP1)).set_index("variant")
    for name, runs in TOP1.items():
        expected = run_interval(list(runs.values()))
        assert tuple(table.loc[name, ["mean", "low", "high", "n"]]) == pytest.approx(tuple(expected))
    assert set(table["over"]) == {"2 seeds"}


def test_differences_are_paired_by_seed_and_by_video():
    table = differences(videos_of(TOP1)).set_index(["baseline", "other"])
    assert list(table.index) == [("bn", "both"), ("bn", "interlaced"), ("interlaced", "both")]  # no relay, no row
    alike = table.loc[("bn", "interlaced")]
    assert (alike["mean"], alike["low"], alike["high"]) == (0.25, 0.25, 0.25)
    expected = run_interval([0.75, 0.25])
    assert tuple(table.loc[("bn", "both"), ["mean", "low", "high", "n"]]) == pytest.approx(tuple(expected))
    assert table.loc[("bn", "both"), "smallest"] == smallest_run_difference([0.75, 0.25])
    rights = videos_of(TOP1).pivot_table(index=["path", "source"], columns="variant", values="right")
    gains, sources = (rights["both"] - rights["bn"]).to_numpy(), rights.index.get_level_values("source")
    resampled = paired_difference(np.zeros(4), gains, sources)
    assert resampled.low < resampled.mean < resampled.high
    names = ["videos_mean", "videos_low", "videos_high", "videos_smallest"]
    expected = (*resampled[:3], smallest_difference(gains, sources))
    assert tuple(table.loc[("bn", "both"), names]) == pytest.approx(expected)


def test_folds_count_once_also_where_each_has_a_seed_of_its_own():
    table = means(videos_of(TOP1, fold=str))
    assert set(table["over"]) == {"2 folds"}


def test_other_videos_are_refused():
    videos = videos_of(TOP1)
    odd = (videos["variant"] == "both") & (videos["path"] == "3")
    with pytest.raises(ValueError, match=r"got 1 only in bn seed 0 \(the first: 3\)"):
        differences(videos[~odd])


def test_two_runs_with_one_fold_and_seed_are_refused():
    videos = videos_of(TOP1)
    again = videos[videos["variant"] == "both"].assign(run="again")
    for compare in (means, differences):
        with pytest.raises(ValueError, match="per fold and seed, got g/both0 and g/"):
            compare(pd.concat([videos, again]))


def test_runs_without_a_partner_are_left_out():
    table = differences(videos_of(TOP1 | {"bn": {0: 0.25, 1: 0.5, 2: 1.0}}))
    assert table.equals(differences(videos_of(TOP1)))


def test_stored_predictions_are_read_with_their_variant(tmp_path):
    folder = tmp_path / "predictions" / "grid"
    folder.mkdir(parents=True)
    for run, predicted in (("a", ["nan", "nan"]), ("b", ["nan", "y"])):
        videos = {"path": ["1", "2"], "source": ["", "s"], "label": ["nan", "y"], "predicted": predicted}
        pd.DataFrame(videos).to_csv(folder / f"{run}.csv", index=False)
    rows = {"dataset": "d", "network": "n", "norm": ["bn", "relay"], "interlaced": [False, True], "fold": ["", ""]}
    pd.DataFrame({**rows, "pixels": 8, "width": 8, "seed": 0, "grid": "grid", "run": ["a", "b"]}).to_csv(
        tmp_path / "main.csv", index=False
    )
    found = read_videos(tmp_path / "main.csv")
    assert found["variant"].tolist() == ["bn", "bn", "both", "both"]
    assert found["right"].tolist() == [1, 0, 1, 1]  # a class may be called nan
    assert found["source"].tolist() == ["1", "s", "1", "s"]


def test_the_figure_shows_each_gain_in_points_and_the_finding_names_the_relay():
    table = differences(videos_of(TOP1 | {"relay": {0: 0.25, 1: 0.25}}))
    figure = differences_figure(table, findings.of_relay(table), "")
    (panel,) = figure.axes
    labels = [label.get_text() for label in panel.get_yticklabels()]
    points = {labels[int(line.get_ydata()[0])]: line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"}
    assert points == pytest.approx(
        {
            "both together": 50,
            "interlacing, alone": 25,
            "interlacing, beside the relay": 62.5,
            "relay, alone": -12.5,
            "relay, beside interlacing": 25,
        }
    )
    bars = {tuple(line.get_xdata()) for line in panel.lines if line.get_linewidth() == 2.5}
    assert bars == {tuple(100 * row) for row in table[["low", "high"]].to_numpy()}
    thin = {tuple(line.get_xdata()) for line in panel.lines if line.get_linewidth() == 1}
    assert thin == {tuple(100 * row) for row in table[["videos_low", "videos_high"]].to_numpy()}
    assert findings.of_relay(table).endswith("d: -12.5 (unclear) alone and +25.0 (unclear) beside interlacing")
    narrow = table.assign(low=table["mean"] - 0.01, high=table["mean"] + 0.01)
    assert findings.of_relay(narrow).endswith("d: -12.5 alone and +25.0 beside interlacing")
    plt.close(figure)
