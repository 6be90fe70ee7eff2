"""The variants and the batch sizes that notebooks compare: each is what its name says, and all can be built."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab.experiments.ablations import (
    BASELINE,
    QUESTIONS,
    beside_paper,
    summarize_gains,
    variants,
    varied,
    with_gains,
)
from dnrlab.experiments.batch_sizes import KINDS, at_batch_size, by_norm_and_batch, norms_and_batches, with_norm
from dnrlab.models.config import build_model
from dnrlab.paper import relay_direction
from dnrlab.recipes.named import demo, kinetics200, override
from dnrlab.relay.config import PAPER

TEMPORAL = {"where": "temporal", "interlacing": False}  # the paper's table is of cross-temporal DNR alone
CHANGES = {
    "uni_2": {**TEMPORAL, "relay_distance": 2},
    "uni_4": TEMPORAL,
    "bi_2": {**TEMPORAL, "direction": "bi", "relay_distance": 2},
    "bi_4": {**TEMPORAL, "direction": "bi"},
    "bi_shared_2": {**TEMPORAL, "direction": "bi_shared", "relay_distance": 2},
    "bi_shared_4": {**TEMPORAL, "direction": "bi_shared"},
    "dnr": {},
    "relay": {"interlacing": False},
    "temporal": {"where": "temporal"},
    "layer": {"where": "layer"},
    "r2": {"reduction": 2},
    "r8": {"reduction": 8},
    "d2": {"depth": 2},
    "clip_statistics": {"statistics": "clip"},
}


def test_every_variant_changes_what_it_says_and_nothing_else():
    chosen = variants(list(QUESTIONS))
    assert {name for name, each in chosen.items() if each.dnr is None} == {"bn", "bn_interlaced"}
    assert (chosen["bn"].interlacing, chosen["bn_interlaced"].interlacing) == (False, True)
    default = asdict(PAPER) | {"interlacing": None}
    with_dnr = {name: each for name, each in chosen.items() if each.dnr is not None}
    found = {name: asdict(each.dnr) | {"interlacing": each.interlacing} for name, each in with_dnr.items()}
    assert found == {name: default | changes for name, changes in CHANGES.items()}
    assert len({each.label for each in chosen.values()}) == len(chosen)


def test_questions_choose_the_variants_each_once_after_batch_norm():
    assert list(variants(["direction"])) == ["bn", "uni_2", "bi_2", "uni_4", "bi_4"]
    assert list(variants(["where", "depth"])) == ["bn", "dnr", "temporal", "layer", "d2"]
    with pytest.raises(ValueError, match=r"groups among direction, shared, where.*, got directions"):
        variants(["directions"])
    with pytest.raises(ValueError, match="got none"):
        variants([])


@pytest.mark.parametrize("recipe", [demo(), kinetics200()], ids=["demo", "kinetics200"])
def test_every_variant_can_be_built(recipe):
    models = {}
    for name, each in varied(recipe, variants(list(QUESTIONS))).items():
        assert each.training == recipe.training
        with torch.device("meta"):
            models[name] = build_model(each.model, num_classes=10, num_frames=8)
    sizes = {name: sum(value.numel() for value in model.parameters()) for name, model in models.items()}
    assert sizes["bn"] == sizes["bn_interlaced"] < sizes["uni_4"] == sizes["bi_shared_4"] < sizes["bi_4"]
    assert sizes["r8"] < sizes["dnr"] < sizes["r2"]
    assert sizes["temporal"] < sizes["dnr"] < sizes["d2"]


def test_a_gain_is_over_batch_norm_of_the_same_seed():
    table = pd.DataFrame(
        {"name": ["bn", "bn", "a", "a", "a"], "seed": [0, 1, 0, 1, 2], "top1": [0.5, 0.4, 0.7, 0.7, 1]}
    )
    gained = with_gains(table)
    assert gained["gain"].tolist() == pytest.approx([0, 0, 0.2, 0.3, np.nan], nan_ok=True)
    found = summarize_gains(gained.assign(top5=1.0, within_pair=1.0)).set_index("name").loc["a"]
    low, high = 0.25 - 12.706 * 0.05, 0.25 + 12.706 * 0.05  # Student's t with one degree of freedom
    assert found[["gain", "gain_low", "gain_high"]].tolist() == pytest.approx([0.25, low, high], rel=1e-4)


def test_the_papers_numbers_stand_beside_their_variants():
    chosen = variants(["direction", "shared"])
    summary = pd.DataFrame({"name": ["bn", "bi_2", "bi_shared_2"]}, index=[4, 5, 6])
    found = beside_paper(summary, chosen, relay_direction())
    assert found["label"].tolist() == ["batch norm", "bi, groups of 2 frames", "bi, shared, groups of 2 frames"]
    assert found["paper_top1"].tolist() == pytest.approx([0.728, 0.7556, np.nan], nan_ok=True)
    assert found["paper_top5"].tolist() == pytest.approx([0.9159, 0.9293, np.nan], nan_ok=True)
    assert found["paper_gain"].tolist() == pytest.approx([0, 0.0276, np.nan], nan_ok=True)
    every = beside_paper(pd.DataFrame({"name": list(variants(["direction"]))}), chosen, relay_direction())
    assert every["paper_gain"].max() == pytest.approx(0.0276)
    assert every["paper_top1"].notna().all()
    assert chosen["bn"] is BASELINE


def test_the_papers_table_has_a_row_a_setting():
    table = relay_direction()
    assert list(table.columns) == ["direction", "relay_distance", "top1", "top5"]
    assert table[table["direction"] == "none"].to_numpy().tolist() == [["none", 0, 72.80, 91.59]]
    assert len(table) == 5


def test_the_learning_rate_is_in_proportion_to_the_batch():
    recipe = override(demo(), batch_size=32, lr=0.1, warmup_iterations=30)
    small = at_batch_size(recipe, 8).training
    assert (small.batch_size, small.lr, small.warmup_iterations) == (8, 0.025, 120)
    assert small.epochs == recipe.training.epochs
    assert at_batch_size(recipe, 32) == recipe
    with pytest.raises(ValueError, match="at least 1 clip, got 0"):
        at_batch_size(recipe, 0)


def test_networks_differ_in_norm_and_batch_alone():
    recipes = by_norm_and_batch(demo(), KINDS, [4, 32])
    table = norms_and_batches(recipes)
    assert table["name"].tolist()[:5] == [
        "batch_batch4",
        "group_batch4",
        "instance_batch4",
        "layer_batch4",
        "dnr_batch4",
    ]
    assert table["norm"].tolist() == [*KINDS, *KINDS]
    assert table["label"].tolist()[3:5] == ["layer norm", "DNR"]
    assert table["batch_size"].tolist() == [4] * 5 + [32] * 5
    assert table["lr"].tolist() == pytest.approx([0.0125] * 5 + [0.1] * 5)
    models = [each.model for each in recipes.values()]
    assert all(model.interlacing is True for model in models)
    assert [model.dnr for model in models[:5]] == [None] * 4 + [PAPER]
    for model in models[:5]:
        build_model(model, num_classes=10, num_frames=8)


def test_a_network_that_shifts_is_not_interlaced_and_an_unknown_norm_is_named():
    shifting = with_norm(override(demo(), name="tsm_resnet18"), "group")
    assert shifting.model.interlacing is False
    build_model(shifting.model, num_classes=10, num_frames=8)
    with pytest.raises(ValueError, match=r"among batch, group, instance, layer, dnr, got 'switch'"):
        with_norm(demo(), "switch")
