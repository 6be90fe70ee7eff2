"""The best of several settings, on worked examples."""

import pandas as pd
import pytest

from dnrlab.experiments.choice import best_of, best_rates

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


def test_each_case_of_each_grid_has_its_learning_rate():
    rows = [
        ("parts_choice", "lr0.03_bi_2_seed0", 32, 0.03, 0, 0.9, 0.3),
        ("parts_choice", "lr0.03_bi_2_seed1", 32, 0.03, 1, 0.9, 0.3),
        ("parts_choice", "lr0.1_bi_2_seed0", 32, 0.1, 0, 1.0, 0.1),
        ("parts_choice", "lr0.1_bi_2_seed1", 32, 0.1, 1, 0.2, 2.0),
        ("sizes_choice", "lr0.05_bn_batch16_seed0", 16, 0.05, 0, 0.5, 0.9),
        ("sizes_choice", "lr0.0125_bn_batch16_seed0", 16, 0.0125, 0, 0.5, 0.7),
        ("sizes_choice", "lr0.025_bn_batch8_seed0", 8, 0.025, 0, 0.6, 0.7),
    ]
    table = pd.DataFrame(rows, columns=["grid", "run", "batch_size", "lr", "seed", "top1", "loss"])
    found = best_rates(table).set_index(["grid", "case"])
    assert found["lr"].to_dict() == {
        ("parts_choice", "bi_2"): 0.03,
        ("sizes_choice", "bn_batch16"): 0.0125,
        ("sizes_choice", "bn_batch8"): 0.025,
    }
    assert found.at[("parts_choice", "bi_2"), "seeds"] == 2
    with pytest.raises(ValueError, match="wait for the other runs"):
        best_rates(pd.concat([table, table[:1].replace("lr0.03_bi_2_seed0", "lr0.03_uni_4_seed0")]))
