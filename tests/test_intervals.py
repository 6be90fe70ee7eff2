"""Bootstrap intervals on cases that are known."""

import numpy as np
import pandas as pd
import pytest

from dnrlab.evaluation.intervals import differences_of, intervals_of, mean_interval, paired_difference, said


def test_the_interval_of_a_share_is_that_of_the_textbook():
    found = mean_interval([0.0] * 50 + [1.0] * 50)
    assert found.mean == 0.5
    assert found.n == 100
    assert (found.low, found.high) == pytest.approx((0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05), abs=0.015)
    assert said(found, 1) == "0.5 [0.4, 0.6]"


def test_it_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = [
        interval.low <= 1 <= interval.high for interval in (mean_interval(rng.exponential(1, 80)) for _ in range(200))
    ]
    assert 0.88 <= np.mean(hits) <= 0.99


def test_unknown_values_are_left_out_and_counted():
    assert mean_interval([1.0, np.nan, 1.0]) == (1.0, 1.0, 1.0, 2)
    one, none = mean_interval([2.0, np.nan]), mean_interval([])
    assert (one.mean, one.n, none.n) == (2.0, 1, 0)
    assert np.isnan([one.low, one.high, none.mean]).all()
    assert said(one) == "2.00"


def test_pairs_tell_what_two_intervals_would_hide():
    rng = np.random.default_rng(0)
    first = rng.normal(0, 10, 60)
    second = first + 0.5 + rng.normal(0, 0.1, 60)
    assert mean_interval(first).high > mean_interval(second).low  # they overlap
    assert paired_difference(first, second).low > 0.4
    with pytest.raises(ValueError, match=r"a value a video of both, got \(60,\) and \(59,\)"):
        paired_difference(first, second[1:])


def test_tables_of_intervals_and_differences_are_by_video():
    table = pd.DataFrame({"row": [0, 1, 1, 0], "network": ["a", "a", "b", "b"], "share": [0.0, 1.0, 1.5, 0.5]})
    means = intervals_of(table, ["network"], ["share"])
    assert means[["network", "measure", "mean", "n"]].to_numpy().tolist() == [
        ["a", "share", 0.5, 2],
        ["b", "share", 1.0, 2],
    ]
    (difference,) = differences_of(table, ["share"], baseline="a").to_dict("records")
    assert difference == {"network": "b", "measure": "share", "mean": 0.5, "low": 0.5, "high": 0.5, "n": 2}
    assert differences_of(table[:2], ["share"], baseline="a").empty


def test_videos_of_one_source_count_once():
    rng = np.random.default_rng(0)
    values = rng.normal(size=40)
    alone, repeated = mean_interval(values), mean_interval(np.repeat(values, 10), np.repeat(np.arange(40), 10))
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high))
    assert repeated.n == 400
    naive = mean_interval(np.repeat(values, 10))
    assert naive.high - naive.low < 0.5 * (repeated.high - repeated.low)
    assert np.isnan(mean_interval([0.0, 1.0], ["a", "a"]).low)
