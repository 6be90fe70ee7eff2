"""The best of several settings, on worked examples."""

import pandas as pd

from dnrlab.experiments.choice import best_of


def test_each_group_has_its_best_run_and_of_equal_ones_that_with_the_lower_loss():
    table = pd.DataFrame(
        [
            ("relay", 0.03, 8, 0.9, 0.3),
            ("bn", 0.01, 4, 0.5, 0.9),
            ("bn", 0.03, 4, 0.5, 0.7),
            ("bn", 0.03, 8, 0.4, 0.1),
            ("relay", 0.01, 8, 0.8, 0.1),
        ],
        columns=["norm", "lr", "epochs", "top1", "loss"],
    )
    found = best_of(table, ["lr", "epochs"], by=["norm"])
    assert found.values.tolist() == [["relay", 0.03, 8, 0.9, 0.3], ["bn", 0.03, 4, 0.5, 0.7]]


def test_folds_are_groups_of_their_own_and_no_fold_is_one_too():
    columns = {"norm": "bn", "fold": ["", "0", "", "0"], "lr": [1.0, 2.0, 3.0, 4.0], "top1": [0.1, 0.2, 0.3, 0.1]}
    found = best_of(pd.DataFrame(columns).assign(loss=1.0), ["lr"], by=["norm", "fold"])
    assert found["lr"].tolist() == [3.0, 2.0]
