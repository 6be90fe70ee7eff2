"""Orders of frames by worked examples, and what networks of known sight say of them."""

import pandas as pd
import pytest
import torch

from dnrlab import DNRConfig
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation.intervals import intervals_of
from dnrlab.explain.clips import same_clips
from dnrlab.explain.frame_order import (
    ORDERS,
    in_order,
    partner_of,
    relay_group,
    reordered,
    reversal_table,
    rows_per_order,
)
from dnrlab.findings import of_reversal
from tests.helpers.networks import made


def order_of(name, num_frames=4, group=2, seed=0):
    return reordered(num_frames, name, group, torch.Generator().manual_seed(seed)).tolist()


def test_orders_by_worked_examples():
    assert order_of("forwards") == [0, 1, 2, 3]
    assert order_of("backwards") == [3, 2, 1, 0]
    assert order_of("within groups") == [1, 0, 3, 2]
    assert order_of("across groups") == [2, 3, 0, 1]
    assert order_of("across groups", 5, 3) == [3, 4, 0, 1, 2]  # the shorter group moves, too
    assert order_of("within groups", 3, 1) == [0, 1, 2]  # nothing to shuffle
    with pytest.raises(ValueError, match="expected order forwards, backwards, within groups, across groups"):
        order_of("sideways")


@pytest.mark.parametrize("seed", range(5))
def test_shuffles_keep_what_their_names_promise(seed):
    within, across = order_of("within groups", 8, 4, seed), order_of("across groups", 12, 4, seed)
    assert sorted(within[:4]) == [0, 1, 2, 3]
    assert within != list(range(8))
    assert all(across[k : k + 4] == list(range(across[k], across[k] + 4)) for k in (0, 4, 8))
    assert across != list(range(12))


def test_segments_stay_whole_and_turn_round_backwards():
    clips = torch.arange(6.0).view(1, 1, 6, 1, 1)  # two segments of three frames
    across = in_order(clips, torch.tensor([[1, 0]]), "across groups", 3)
    assert across.flatten().tolist() == [3, 4, 5, 0, 1, 2]
    assert in_order(clips, torch.tensor([[1, 0]]), "backwards", 3).flatten().tolist() == [5, 4, 3, 2, 1, 0]
    both = in_order(clips.repeat(2, 1, 1, 1, 1), torch.tensor([[0, 1], [1, 0]]), "within groups", 3)
    assert both.flatten(1).tolist() == [[0, 1, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2]]


def test_predictions_are_compared_with_the_label_and_its_reversal():
    predicted = {"forwards": "up", "backwards": "down", "within groups": "left", "across groups": "up"}
    table = pd.DataFrame(
        rows_per_order({"row": 0, "label": "up", "network": "a"}, predicted, partner_of("up"))
    ).set_index("order")
    assert table[["right", "turned", "same"]].loc["forwards"].tolist() == [1, 0, 1]
    assert table[["right", "turned", "same"]].loc["backwards"].tolist() == [0, 1, 0]
    assert table[["right", "turned", "same"]].loc["within groups"].tolist() == [0, 0, 0]
    own = pd.DataFrame(rows_per_order({"row": 0, "label": "wave", "network": "a"}, dict.fromkeys(ORDERS, "wave"), None))
    assert own["turned"].isna().all()


def test_blind_networks_predict_the_same_and_the_relay_sees_groups_alone(synthetic):
    videos = select(read_manifest(synthetic), "test")
    runs = {
        "blind": made("tsn_resnet18", dnr=None),
        "relay": made("tsn_resnet18", dnr=DNRConfig(relay_distance=4), interlacing=False),
        "tdn": made("tdn_resnet18", dnr=None),
    }
    with torch.no_grad():
        for run in runs.values():  # so that different clips are told apart by random weights
            run.model.fc.weight.mul_(50)
    table = reversal_table(runs, videos, range(10), data=same_clips(list(runs.values())), group=4)
    same = table.groupby(["network", "order"])["same"].mean()
    assert (same["blind"] == 1).all()
    assert same["relay", "within groups"] == 1
    clip = torch.rand(1, 3, 40, 48, 48)  # random weights say one class of everything; their logits differ
    turned = in_order(clip, torch.arange(7, -1, -1)[None], "backwards", 5)
    with torch.inference_mode():
        differ = {"tdn": (runs["tdn"].model(turned) - runs["tdn"].model(clip)).abs().max()}
        for name in ("blind", "relay"):
            differ[name] = (runs[name].model(turned[:, :, 2::5]) - runs[name].model(clip[:, :, 2::5])).abs().max()
    assert min(differ["tdn"], differ["relay"]) > 1e-3 > differ["blind"]
    assert relay_group(runs) == 4
    with pytest.raises(ValueError, match=r"runs of one relay distance, got \[2, 4\]"):
        relay_group({**runs, "other": made("tsn_resnet18", dnr=DNRConfig(relay_distance=2))})
    assert len(table) == 3 * 10 * len(ORDERS)
    means = intervals_of(table, ["network", "order"], ["right", "turned", "same"])
    assert of_reversal(means).startswith(
        "Played backwards, videos are classified as the reversed class (share of the videos):\n"
    )
