"""The best of several settings, on worked examples."""

import pandas as pd
import pytest

from dnrlab.experiments.choice import at_best_rates, best_of, best_rates

COLUMNS = ["norm", "lr", "epochs", "seed", "top1", "loss"]


def test_each_group_has_its_best_settings_and_of_equal_ones_those_with_the_lower_loss():
    rows = [
        ("relay", 0.03, 8, 0, 0.9, 0.3),
        ("bn", 0.01, 4, 0, 0.5, 0.9),
        ("bn", 0.03, 4, 0, 0.5, 0.7),
        ("bn", 0.03, 8, 0, 0.4, 0.1),
        ("relay", 0.01, 4, 0, 0.8, 0.1),
        ("relay", 0.03, 4, 0, 0.8, 0.1),
    ]
    found = best_of(pd.DataFrame(rows, columns=COLUMNS), ["lr", "epochs"], by=["norm"])
    assert found.to_numpy().tolist() == [["relay", 0.03, 8, 1, 0.9, 0.3], ["bn", 0.03, 4, 1, 0.5, 0.7]]


def test_settings_are_judged_by_their_mean_over_the_seeds():
    rows = [("bn", 0.1, 8, 0, 1.0, 0.1), ("bn", 0.1, 8, 1, 0.5, 0.7), ("bn", 0.03, 8, 0, 0.8, 0.2)]
    found = best_of(pd.DataFrame(rows, columns=COLUMNS), ["lr", "epochs"], by=["norm"])
    assert found[["lr", "seeds", "top1"]].to_numpy().tolist() == [[0.03, 1, 0.8]]


def test_means_that_differ_by_rounding_are_equal():
    assert 0.1 + 0.7 < 0.4 + 0.4
    rows = [("bn", 0.1, 8, seed, 0.4, 0.7) for seed in range(2)]
    rows += [("bn", 0.3, 8, seed, top1, 0.5) for seed, top1 in enumerate((0.1, 0.7))]
    found = best_of(pd.DataFrame(rows, columns=COLUMNS), ["lr", "epochs"], by=["norm"])
    assert found["lr"].tolist() == [0.3]  # the lower loss


def test_folds_are_groups_of_their_own_and_no_fold_is_one_too():
    columns = {"norm": "bn", "fold": ["", "0", "", "0"], "lr": [1.0, 3.0, 3.0, 1.0], "top1": [0.1, 0.2, 0.3, 0.1]}
    found = best_of(pd.DataFrame(columns).assign(loss=1.0, seed=0), ["lr"], by=["norm", "fold"])
    assert found["lr"].tolist() == [3.0, 3.0]


def test_groups_with_other_settings_or_other_numbers_of_seeds_are_refused():
    rows = [("bn", 0.1, 8, 0, 1.0, 0.1), ("relay", 0.1, 8, 0, 0.5, 0.7), ("relay", 0.1, 8, 1, 0.5, 0.7)]
    with pytest.raises(
        ValueError, match=r"expected the same settings in all groups, got lr 0\.1, epochs 8, seeds 1 in"
    ):
        best_of(pd.DataFrame(rows, columns=COLUMNS), ["lr", "epochs"], by=["norm"])
    with pytest.raises(ValueError, match=r"got lr 0\.3, epochs 8"):
        best_of(pd.DataFrame([*rows[:2], ("bn", 0.3, 8, 0, 1, 1)], columns=COLUMNS), ["lr", "epochs"], by=["norm"])


COLUMNS_OF_CASES = ["grid", "run", "lr", "seed", "top1", "loss"]
TRIED = pd.DataFrame(
    [
        ("choice", "lr0.03_uni_4_seed0", 0.03, 0, 0.9, 0.3),
        ("choice", "lr0.1_uni_4_seed0", 0.1, 0, 0.9, 0.2),
        ("choice", "lr0.03_uni_4_seed1", 0.03, 1, 0.9, 0.3),
        ("choice", "lr0.1_uni_4_seed1", 0.1, 1, 0.9, 0.2),
        ("choice", "lr0.03_bi_2_seed0", 0.03, 0, 0.9, 0.3),
        ("choice", "lr0.1_bi_2_seed0", 0.1, 0, 1.0, 0.1),
        ("choice", "lr0.03_bi_2_seed1", 0.03, 1, 0.9, 0.3),
        ("choice", "lr0.1_bi_2_seed1", 0.1, 1, 0.2, 2.0),
    ],
    columns=COLUMNS_OF_CASES,
)


def test_each_case_of_a_grid_has_its_learning_rate():
    found = best_rates(TRIED)
    assert found[["case", "lr", "seeds"]].to_numpy().tolist() == [["uni_4", 0.1, 2], ["bi_2", 0.03, 2]]
    with pytest.raises(ValueError, match="wait for the other runs"):
        best_rates(TRIED[:-1])
    small = TRIED.replace({"lr0.1_uni_4_seed0": "lr1e-05_uni_4_seed0", "lr0.1_uni_4_seed1": "lr1e-05_uni_4_seed1"})
    assert set(best_rates(small[:4])["case"]) == {"uni_4"}
    with pytest.raises(ValueError, match="expected the runs of one grid, got choice, other; choose for each"):
        best_rates(pd.concat([TRIED, TRIED.assign(grid="other")]))


def test_runs_at_the_best_rates_are_taken_and_missing_ones_named():
    names = [("t", f"{case}_seed{seed}", 0.1, seed) for case in ("uni_4", "bi_2") for seed in range(2)]
    runs = pd.DataFrame([*names, *(("u", f"bi_2_seed{seed}", 0.03, seed) for seed in range(2))])
    runs.columns = ["grid", "run", "lr", "seed"]
    found = at_best_rates(runs, TRIED)
    assert found[["grid", "case", "seed"]].to_numpy().tolist() == [
        *(["t", "uni_4", seed] for seed in range(2)),
        *(["u", "bi_2", seed] for seed in range(2)),
    ]
    with pytest.raises(ValueError, match=r"expected bi_2 with lr 0\.03, got none of seed 1; run its grid"):
        at_best_rates(runs[:-1], TRIED)
    with pytest.raises(ValueError, match="expected a learning rate that was chosen for bi_2, got none; add it to"):
        at_best_rates(runs, TRIED[:4])
