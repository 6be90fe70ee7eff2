"""What ``add_dnr`` refuses, with the network as it was; and what it leaves alone, with the reason."""

import pytest
import torch
from torch import nn

from dnrlab import DNRConfig, add_dnr, create_model
from dnrlab.models import BlockParts
from dnrlab.relay import InterlacedConv2d
from tests.helpers.elsewhere import Body, SlowBlock, slow_parts, timm_network, torchvision_network


class Wrapped(nn.Module):
    """What DataParallel would be around."""

    def __init__(self):
        super().__init__()
        self.module = nn.DataParallel(Body())


def misnamed(module):
    """An adapter that names a norm that does not exist."""
    return BlockParts(norms=("norm_x",)) if isinstance(module, SlowBlock) else None


CASES = {
    "nothing": (lambda: nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)), {}, r"expected residual blocks.*got non"),
    "no_frames": (lambda: torchvision_network("resnet18"), {}, r"expected num_frames for a network for images \(laye"),
    "frames": (Body, {"num_frames": 0}, r"expected num_frames of at least 1, got 0"),
    "own": (lambda: create_model("r3d_18", width=8), {}, r"got one of create_model; give create_model"),
    "wrapped": (Wrapped, {}, r"call add_dnr before wrapping it"),
    "list": (lambda: Body(nn.ModuleList), {"adapter": slow_parts}, r"ModuleList calls this block.*where='temporal'"),
    "adapter": (Body, {"adapter": misnamed}, r"expected one or two norms.*missing: norm_x"),
    "narrow": (Body, {"adapter": slow_parts, "config": DNRConfig(reduction=16)}, r"channels=8, reduction=16"),
    "no_norm": (Body, {"norms": "blocks.*.norm_z"}, r"expected norms that fit 'blocks\.\*\.norm_z', got none"),
    "not_a_norm": (Body, {"norms": "stem.0"}, r"expected a norm for images or clips at stem\.0.*Conv3d is no norm"),
    "no_type": (Body, {"norms": nn.InstanceNorm3d}, r"expected norms that fit .*InstanceNorm3d.*got none in Body"),
    "mixed": (Body, {"norms": "stem.1", "interlacing": True}, r"expected no interlacing with norms"),
    "layer": (Body, {"norms": "stem.1", "config": DNRConfig(where="layer")}, r"a single norm relays over time"),
    "activation": (
        lambda: timm_network("resnetv2_50"),
        {"norms": "norm", "num_frames": 2},
        r"Act2d does more",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors_leave_the_network_as_it_was(case):
    make, options, message = CASES[case]
    model = make()
    before = {name: (id(module), type(module)) for name, module in model.named_modules()}
    with pytest.raises(ValueError, match=f"(?s){message}"):
        add_dnr(model, **options)
    assert {name: (id(module), type(module)) for name, module in model.named_modules()} == before
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_types_are_checked():
    with pytest.raises(TypeError, match="expected DNRConfig, got dict"):
        add_dnr(Body(), {"relay_distance": 2})
    with pytest.raises(TypeError, match="expected Module, got str"):
        add_dnr("resnet18")


def test_a_second_call_says_that_dnr_is_there():
    model = torchvision_network("r3d_18")
    add_dnr(model)
    with pytest.raises(ValueError, match="which has DNR already; add it once"):
        add_dnr(model)


def test_blocks_of_a_list_get_the_relay_over_time():
    model = Body(nn.ModuleList)
    report = add_dnr(model, DNRConfig(where="temporal"), adapter=slow_parts)
    assert [each.layer for each in report.replaced] == [f"blocks.{index}.norm_b" for index in (0, 2, 3)]
    assert model(torch.rand(2, 3, 5, 8, 8)).shape == (2, 5)


def test_what_is_left_alone_has_a_reason():
    model = torchvision_network("r3d_18")
    model.layer3[1].conv1[1] = nn.SyncBatchNorm(256)
    report = add_dnr(model)
    left = dict(report.left_alone)
    assert left["stem.1"] == "in no residual block with DNR"
    assert left["layer2.0.downsample.1"] == "DNR goes on the first norms of block layer2.0"
    assert "SyncBatchNorm synchronises processes: add DNR first" in left["layer3.1"]
    assert "layer3.1" not in model.layer3.cell_of
    text = str(report).splitlines()
    assert text[0] == f"DNR: 7 norms replaced, 7 inputs interlaced, {len(left)} left alone"
    assert len(text) == 1 + 7 + len(left)
    assert model(torch.rand(1, 3, 4, 32, 32)).shape == (1, 5)


def test_a_block_alone_says_that_its_stage_passes_the_relay():
    model = torchvision_network("resnet18")
    add_dnr(model, num_frames=2)
    with pytest.raises(ValueError, match=r"expected layer1\.0\.bn1 to run inside its stage"):
        model.layer1[0](torch.rand(2, 64, 8, 8))


def test_images_without_frames_say_so():
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8))  # a group norm does not tell images from clips
    add_dnr(model, norms="1")
    with pytest.raises(ValueError, match=r"expected clips \(N, C, T, H, W\) at 1, got .*call set_num_frames"):
        model(torch.rand(2, 3, 8, 8))


class Rectified(nn.BatchNorm3d):
    """A norm that also rectifies, without a module that shows it."""

    def forward(self, input):
        return super().forward(input).relu()


class Same(nn.BatchNorm3d):
    """A norm with a forward method of its own that gives the same."""

    def forward(self, input):
        return super().forward(input)


@pytest.mark.parametrize(("kind", "replaced"), [(Rectified, 7), (Same, 8)])
def test_a_norm_that_does_more_is_left_alone(kind, replaced):
    model = torchvision_network("r3d_18")
    model.layer3[1].conv1[1] = kind(256)
    report = add_dnr(model)
    assert len(report.replaced) == replaced
    reasons = dict(report.left_alone)
    assert ("Rectified does more than normalize" in reasons.get("layer3.1", "")) == (kind is Rectified)


def test_a_norm_with_hooks_is_left_alone():
    model = torchvision_network("r3d_18")
    model.layer3[1].conv1[1].register_forward_hook(lambda *_: None)
    assert "has hooks, which would be lost" in dict(add_dnr(model).left_alone)["layer3.1"]


def test_a_report_says_where_running_statistics_start_anew():
    model = torchvision_network("resnet18", norm_layer=lambda channels: nn.GroupNorm(8, channels)).double()
    report = add_dnr(model, num_frames=2)
    assert {each.note for each in report.replaced} == {"; running statistics start anew: train before evaluating"}
    assert "start anew: train before evaluating" in str(report)


def test_layers_of_norms_without_tensors_are_where_the_network_is():
    model = torchvision_network("resnet18", norm_layer=nn.InstanceNorm2d).double().to("meta")
    add_dnr(model, num_frames=2)
    assert {(each.device.type, each.dtype) for each in model.parameters()} == {("meta", torch.float64)}


def test_shared_blocks_are_refused_and_shared_convolutions_are_interlaced_once():
    model = torchvision_network("r3d_18")
    model.layer1[1] = model.layer1[0]
    with pytest.raises(ValueError, match=r"got one block at layer1\.0 and layer1\.1; copy it with deepcopy"):
        add_dnr(model)
    model = torchvision_network("resnet18")
    model.layer1[1].conv1 = model.layer1[0].conv1
    add_dnr(model, num_frames=2)
    assert type(model.layer1[0].conv1) is InterlacedConv2d
    assert not model.layer1[0].conv1._forward_pre_hooks


def test_the_blocks_of_a_stage_with_dnr_are_fixed():
    model = torchvision_network("r3d_18")
    add_dnr(model)
    for change in (lambda s: s.pop(1), lambda s: s.insert(0, nn.Identity()), lambda s: s.__delitem__(0)):
        with pytest.raises(TypeError, match="change the blocks before add_dnr"):
            change(model.layer1)
    assert model(torch.rand(1, 3, 4, 32, 32)).shape == (1, 5)


def test_an_adapter_that_gives_something_else_says_so():
    with pytest.raises(TypeError, match=r"expected BlockParts.* or None from the adapter, got \('a',\)"):
        add_dnr(Body(), adapter=lambda module: ("a",))
