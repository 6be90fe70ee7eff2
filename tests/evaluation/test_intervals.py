"""Bootstrap intervals on cases that are known."""

import numpy as np
import pandas as pd
import pytest

from dnrlab.evaluation.intervals import (
    differences_of,
    group_difference,
    intervals_of,
    mean_interval,
    paired_difference,
    run_interval,
    smallest_difference,
    smallest_run_difference,
    standard_error,
)


def test_the_interval_of_a_share_is_that_of_the_textbook():
    found = mean_interval([0.0] * 50 + [1.0] * 50)
    assert found.mean == 0.5
    assert found.n == 100
    assert (found.low, found.high) == pytest.approx((0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05), abs=0.015)


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


def test_pairs_tell_what_two_intervals_would_hide():
    rng = np.random.default_rng(0)
    first = rng.normal(0, 10, 60)
    second = first + 0.5 + rng.normal(0, 0.1, 60)
    assert mean_interval(first).high > mean_interval(second).low  # they overlap
    assert paired_difference(first, second).low > 0.4
    with pytest.raises(
        ValueError, match=r"one value per video of both, got \(60,\) for baseline and \(59,\) for other"
    ):
        paired_difference(first, second[1:])


def test_the_difference_of_two_groups_is_that_of_the_textbook():
    values, first = np.repeat([0.0, 1.0, 0.0, 1.0], [20, 80, 60, 40]), np.repeat([True, False], 100)
    found = group_difference(values, first)
    error = np.sqrt(0.8 * 0.2 / 100 + 0.4 * 0.6 / 100)
    assert (found.mean, found.n) == (pytest.approx(0.4), 200)
    assert found.low == pytest.approx(0.4 - 1.96 * error, abs=0.015)
    assert found.high == pytest.approx(0.4 + 1.96 * error, abs=0.015)
    assert group_difference(np.ones(200), first)[1:3] == (0.0, 0.0)
    assert group_difference(values, first, np.repeat(range(20), 10)).low < 0.4  # ten in each group
    assert np.isnan(group_difference(values, first, np.repeat(range(10), 20))[1:3]).all()  # five in each group


def test_groups_without_known_values_and_other_numbers_of_videos_are_refused():
    spoiled = group_difference([1.0, np.nan, 0.0], [True, True, False], ["a", None, "b"])
    assert (spoiled.mean, spoiled.n) == (1.0, 2)
    with pytest.raises(ValueError, match="expected known values in both groups, got 0 of 1 in the first"):
        group_difference([np.nan, 0.0], [True, False])
    with pytest.raises(ValueError, match="got 2 values, 1 groups and 2 sources; take them from one table"):
        group_difference([1.0, 0.0], [True])


def test_what_two_groups_share_by_their_sources_is_no_difference():
    rng = np.random.default_rng(0)
    of_source = rng.normal(size=50)
    values, first = np.concatenate([of_source + 0.5, of_source]), np.repeat([True, False], 50)
    together, apart = (group_difference(values, first, each) for each in (np.tile(np.arange(50), 2), None))
    assert together.mean == apart.mean == pytest.approx(0.5)
    assert together.high - together.low < 1e-9 < 0.5 < apart.high - apart.low


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


def test_the_interval_of_runs_is_students():
    found = run_interval([0.4, 0.5, 0.6, np.nan])
    assert found == pytest.approx((0.5, 0.2516, 0.7484, 3), abs=1e-4)
    assert run_interval([0.5, 0.5])[:3] == (0.5, 0.5, 0.5)
    assert run_interval([0.5])[3] == 1
    assert np.isnan(run_interval([0.5]).low)
    rng = np.random.default_rng(0)
    hits = [found.low <= 1 <= found.high for found in (run_interval(rng.normal(1, 0.1, 4)) for _ in range(2000))]
    assert 0.935 <= np.mean(hits) <= 0.965  # a normal quantile in place of t's would cover 0.86


def test_standard_errors_are_the_textbooks_and_count_a_source_once():
    values = np.random.default_rng(0).normal(size=50)
    assert standard_error(values) == pytest.approx(values.std(ddof=1) / 50**0.5)
    assert standard_error(np.repeat(values, 4), np.repeat(np.arange(50), 4)) == pytest.approx(standard_error(values))
    assert np.isnan(standard_error([1.0, 0.0], ["a", "a"]))
    uneven = np.repeat(np.arange(20), np.arange(1, 21))
    seen = np.random.default_rng(1).normal(size=20)[uneven]
    low, high = mean_interval(seen, uneven)[1:3]
    assert (high - low) / 2 == pytest.approx(1.96 * standard_error(seen, uneven), rel=0.15)


def test_the_smallest_difference_on_a_worked_example():
    differences = [1.0] * 30 + [-1.0] * 10 + [0.0] * 360
    assert standard_error(differences) == pytest.approx(0.0156, abs=1e-4)
    assert smallest_difference(differences) == pytest.approx((1.96 + 0.8416) * standard_error(differences), rel=1e-4)
    assert smallest_difference(differences) == pytest.approx(0.0438, abs=1e-4)
    assert np.isnan(smallest_difference([0.0] * 10))


def test_the_smallest_difference_of_runs_on_a_worked_example():
    assert smallest_run_difference([0.1, 0.2, 0.3]) == pytest.approx((4.3027 + 1.0607) * 0.1 / 3**0.5, rel=1e-4)
    assert np.isnan(smallest_run_difference([0.1]))
    assert np.isnan(smallest_run_difference([0.8 - 0.6, 0.6 - 0.4, 0.4 - 0.2]))  # all equal: this says nothing


@pytest.mark.parametrize("of_a_source", [1, 4])
def test_a_difference_of_the_smallest_size_is_found_in_four_of_five_draws(of_a_source):
    rng, sources, better, worse = np.random.default_rng(0), 240, 0.183, 0.09
    true = better - worse  # 2.80 times the standard error, sqrt((better + worse - true**2) / sources)
    names, shown, smallest = np.repeat(np.arange(sources), of_a_source), [], []
    for _ in range(400):
        drawn = rng.choice([1.0, -1.0, 0.0], sources, p=[better, worse, 1 - better - worse])
        differences = np.repeat(drawn, of_a_source)
        smallest.append(smallest_difference(differences, names))
        shown.append(paired_difference(np.zeros(len(differences)), differences, names).low > 0)
    assert np.mean(smallest) == pytest.approx(true, rel=0.03)
    assert 0.75 <= np.mean(shown) <= 0.85


def test_rounding_does_not_put_the_mean_outside_its_interval():
    values, sources = [0.2, 0.4, 0.0] * 3, [0] * 3 + [1] * 3 + [2] * 3  # three sources with the same mean
    interval = mean_interval(values, sources)
    assert interval.low <= interval.mean <= interval.high
