"""Every option of DNR with every other: a network trains a step, evaluates, and comes back from a file the same."""

from itertools import combinations, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from dnrlab import DNRConfig, create_model
from dnrlab.models.weights import load_tensors
from dnrlab.recipes.named import demo, dnr_by_settings, override
from dnrlab.training.loop import NetworkLoss, train_steps
from tests.helpers.covering import covering_array, pairs_of

VALUES = {
    "relay_distance": (4, 1, 3),
    "direction": ("uni", "bi", "bi_shared"),
    "reduction": (4, 2),
    "depth": (1, 2),
    "where": ("both", "temporal", "layer"),
    "standardization": ("batch", "group", "instance", "layer"),
    "statistics": ("group", "clip"),
    "interlacing": (None, True, False),
}
COVERING = covering_array(VALUES)  # 17 combinations, in which every pair of values occurs


def assert_works(options, file):
    """A step moves every parameter that it should; evaluation is finite; a file gives the same network."""
    options = dict(options)
    torch.manual_seed(0)
    shape = {
        "num_classes": 3,
        "num_frames": 4,
        "width": 8,
        "dropout": 0.0,
        "interlacing": options.pop("interlacing", None),
    }
    make = lambda: create_model("tsn_resnet18", dnr=DNRConfig(**options), **shape)  # noqa: E731
    model, clips, labels = make(), torch.rand(4, 3, 4, 40, 40), torch.tensor([0, 1, 2, 0])
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    train_steps(NetworkLoss(model), [(clips, labels)], optimizer, schedule, device="cpu", clip_norm=20.0)
    still = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    # At this width a bottleneck has two units, which may be silent, and a state may be zero; the gates' biases move.
    moving = ("input_gates.2.bias", "input_gates.bias")
    assert not [name for name in still if ".lstm" not in name or name.endswith(moving)]
    relaying = [name for name, _ in model.named_parameters() if ".lstm" in name and ".hidden_gates." in name]
    assert set(relaying) - set(still), "nothing of what is relayed was learned"
    with torch.inference_mode():
        logits = model.eval()(clips)
    assert torch.isfinite(logits).all()
    save_file(model.state_dict(), file)
    again = make()
    load_tensors(again, load_file(file))
    torch.testing.assert_close(again.eval()(clips), logits, rtol=0, atol=0)


@pytest.mark.parametrize("options", COVERING, ids=lambda options: "-".join(map(str, options.values())))
def test_every_pair_of_options_works(options, tmp_path):
    assert_works(options, tmp_path / "weights.safetensors")


def test_the_combinations_hold_every_pair_of_values():
    held = set().union(*map(pairs_of, COVERING))
    for first, second in combinations(VALUES, 2):
        assert all(frozenset({(first, a), (second, b)}) in held for a, b in product(VALUES[first], VALUES[second]))
    assert len(COVERING) <= 20


@pytest.mark.slow
@given(options=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}))
@settings(max_examples=25, deadline=None)
def test_any_combination_of_options_works(options, tmp_path_factory):
    assert_works(options, tmp_path_factory.mktemp("options") / "weights.safetensors")


def test_a_setting_that_is_wrong_is_named_with_the_papers():
    with pytest.raises(ValueError, match=r"direction in .*'bi_shared'.*got 'both'; the paper's value is 'uni'"):
        DNRConfig(direction="both")
    with pytest.raises(ValueError, match=r"depth of at least 1, got 0; the paper's value is 1"):
        DNRConfig(depth=0)
    for wrong in (2.5, True, "2"):
        with pytest.raises(TypeError, match=rf"relay_distance to be a whole number, got {wrong!r}; .* is 4"):
            DNRConfig(relay_distance=wrong)


def test_settings_of_dnr_by_name():
    assert dnr_by_settings(True, 2, {"depth": 2}) == DNRConfig(relay_distance=2, depth=2)
    assert dnr_by_settings(True, 4, {"relay_distance": 2}) == DNRConfig(relay_distance=2)
    assert dnr_by_settings(False, 4, {}) is None
    with pytest.raises(ValueError, match="expected no settings of DNR without DNR, got depth"):
        dnr_by_settings(False, 4, {"depth": 2})
    with pytest.raises(ValueError, match="got dept; choose among relay_distance, direction, reduction, depth"):
        dnr_by_settings(True, 4, {"dept": 2})
    with pytest.raises(ValueError, match="frames_per_segment, got 3; leave it out, the network sets it"):
        override(demo(), frames_per_segment=3)
