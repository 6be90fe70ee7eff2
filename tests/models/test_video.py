"""3D networks: torchvision's with batch norm, a plain composition with DNR, and what happens as T shrinks."""

import copy
import logging

import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.models import create
from dnrlab.models.resnet3d import PLANS, frames_of_stages
from dnrlab.relay import RelayNorm
from dnrlab.torchvision_guard import guard_torchvision
from tests.models.test_networks import unlike_start
from tests.reference import video

TORCHVISION = ("r3d_18", "mc3_18", "r2plus1d_18")


def small(name, dnr=None, **changes):
    settings = {"num_classes": 5, "num_frames": 8, "width": 8, "dnr": dnr, "dropout": 0.0}
    return create_model(name, **(settings | changes))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", TORCHVISION)
def test_plain_networks_are_torchvisions(name, training):
    guard_torchvision()
    import torchvision

    theirs = getattr(torchvision.models.video, name)(num_classes=5).double().train(training)
    ours = create_model(name, num_classes=5, dropout=0.0).double().train(training)
    ours.load_state_dict(theirs.state_dict())  # strict: the same names
    clips = torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(ours(clips), theirs(clips), rtol=1e-10, atol=1e-10)
    for key, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("num_frames", [8, 5])
@pytest.mark.parametrize(
    ("dnr", "interlacing"), [(None, False), (None, True), (DNRConfig(relay_distance=2), False), (DNRConfig(), True)]
)
@pytest.mark.parametrize("name", PLANS)
def test_networks_agree_with_a_plain_composition(name, dnr, interlacing, num_frames, training):
    clips = torch.randn(2, 3, num_frames, 32, 32, dtype=torch.float64)
    model = unlike_start(small(name, dnr, interlacing=interlacing).double(), clips).train(training)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    distance = None if dnr is None else dnr.relay_distance
    expected = video.network(state, clips, relay_distance=distance, interlacing=interlacing, training=training)
    torch.testing.assert_close(model(clips), expected, rtol=1e-10, atol=1e-10)
    for key, value in model.state_dict().items():
        if ".running_" in key:
            torch.testing.assert_close(value, state[key], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "frames"),
    [("r3d_18", [8, 4, 2, 1]), ("mc3_18", [8, 8, 8, 8]), ("r2plus1d_18", [8, 4, 2, 1]), ("slowonly_resnet50", [8] * 4)],
)
def test_the_frames_of_each_stage(name, frames):
    assert frames_of_stages(PLANS[name], 8) == frames
    model, found = small(name, DNRConfig()), []
    for index in range(1, 5):
        model.get_submodule(f"layer{index}").register_forward_hook(lambda _, __, out: found.append(out.shape[2]))
    model(torch.randn(1, 3, 8, 48, 48))
    assert found == frames


def test_a_relay_with_one_group_is_logged_once(caplog):
    create.log_single_group.cache_clear()
    with caplog.at_level(logging.INFO, "dnrlab"):
        for _ in range(2):
            small("r3d_18", DNRConfig())
            small("mc3_18", DNRConfig())
    assert caplog.messages == [
        "r3d_18: relay distance 4 gives one frame group in layer2 (T=4), layer3 (T=2), layer4 (T=1), so nothing is "
        "relayed over time there"
    ]


@pytest.mark.parametrize(("name", "first", "second"), [("r3d_18", 8, 0), ("slowonly_resnet50", 16, 16)])
def test_basic_blocks_carry_both_relays_on_the_first_norm_and_bottlenecks_one_on_each(name, first, second):
    with torch.device("meta"):
        model = create_model(name, dnr=DNRConfig())
    names = [key for key, module in model.named_modules() if isinstance(module, RelayNorm)]
    assert sum(key.endswith(("conv1.1", "bn1")) for key in names) == first
    assert sum(key.endswith(("conv2.1", "bn2")) for key in names) == second
    added = sum(value.numel() for key, value in model.named_parameters() if ".lstm." in key)
    if name == "slowonly_resnet50":
        assert added == 4_054_336  # as in the 2D ResNet-50


@pytest.mark.parametrize("name", PLANS)
def test_networks_are_values(name):
    model, clips = small(name, DNRConfig(relay_distance=2)).double(), torch.randn(2, 3, 8, 32, 32, dtype=torch.float64)
    twin = copy.deepcopy(model)
    (model(clips).sum() + model(clips.flip(2)).sum()).backward()  # two forwards before one backward
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert twin.load_state_dict(model.state_dict())
    assert torch.equal(twin.eval()(clips), model.eval()(clips))


@pytest.mark.parametrize(
    ("name", "norm"),
    [("r3d_18", "group"), ("slowonly_resnet50", "layer"), ("r2plus1d_18", "instance"), ("mc3_18", "instance")],
)
def test_other_norms(name, norm):
    model = create_model(name, num_classes=5, width=16, norm=norm)
    assert not any("BatchNorm" in type(module).__name__ for module in model.modules())
    assert model(torch.randn(1, 3, 4, 32, 32)).shape == (1, 5)


def test_group_norm_needs_channels_that_its_groups_divide():
    with pytest.raises(ValueError, match=r"expected channels to be a multiple of the .* groups of group norm, got 11"):
        create_model("r2plus1d_18", num_classes=5, width=16, norm="group")
