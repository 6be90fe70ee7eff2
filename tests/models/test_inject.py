"""``add_dnr``: networks built elsewhere become those of ``create_model``, and stay torch's own modules."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn

from dnrlab import DNRConfig, add_dnr, create_model
from dnrlab.models import PerFrame, set_num_frames
from dnrlab.models.inject import add_interlacing, interlace
from dnrlab.models.injected import InjectedNorm
from dnrlab.relay import InterlacedConv2d, InterlacedConv3d, LayerRelay, RelayNorm
from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.functional import interlace_channels
from tests.helpers.elsewhere import Body, assert_same, one_step, slow_parts, timm_network, torchvision_network
from tests.models.test_networks import unlike_start

VIDEO, SMALL = ("r3d_18", "mc3_18", "r2plus1d_18"), torch.randn(2, 3, 4, 16, 16, dtype=torch.float64)
PLACES = {"resnet18": "tsn_resnet18", "resnet50": "tsn_resnet50"}


@pytest.mark.parametrize(
    ("name", "interlacing", "where"),
    [
        *((name, True, "both") for name in (*VIDEO, *PLACES)),
        ("resnet18", False, "both"),
        *((name, True, where) for name in PLACES for where in ("temporal", "layer")),
    ],
)
def test_add_dnr_gives_the_network_of_create_model(name, interlacing, where):
    dnr = DNRConfig(relay_distance=2, where=where)
    ours = create_model(PLACES.get(name, name), num_classes=5, num_frames=4, dnr=dnr, interlacing=interlacing)
    ours = unlike_start(ours.double(), SMALL)
    ours.dropout.p = 0.0
    theirs = torchvision_network(name).double()
    report = add_dnr(theirs, dnr, num_frames=4, interlacing=interlacing)
    theirs.load_state_dict(ours.state_dict())  # strict: the same names
    model = theirs if name in VIDEO else PerFrame(theirs)
    torch.testing.assert_close(model.eval()(SMALL), ours(SMALL), rtol=1e-10, atol=1e-10)
    first, second = one_step(model.train(), SMALL), one_step(ours.train(), SMALL)
    assert_same({key.replace("network.", ""): value for key, value in first.items()}, second)
    norms = {key: module for key, module in ours.named_modules() if isinstance(module, RelayNorm)}
    assert {each.layer: each.channels for each in report.replaced} == {key: n.channels for key, n in norms.items()}
    assert len(report.interlaced) == sum(
        isinstance(module, InterlacedConv2d | InterlacedConv3d) for module in ours.modules()
    )


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_timms_resnets_get_the_same_layers_as_torchvisions(name):
    first, second = torchvision_network(name).double(), timm_network(name).double()
    reports = [add_dnr(model, DNRConfig(relay_distance=2), num_frames=4) for model in (first, second)]
    assert reports[0] == reports[1]
    second.load_state_dict(first.state_dict())
    images = SMALL.transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(first(images), second(images), rtol=1e-10, atol=1e-10)
    assert first(images).shape == (8, 5)  # one row per image, as before


@pytest.mark.parametrize("name", ["seresnet50", "resnet50_gn", "resnext50_32x4d", "resnetblur50", "resnetrs50"])
def test_other_resnets_of_timm_train(name):
    model = timm_network(name)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    report = add_dnr(model, num_frames=4)
    assert len(report.replaced) == 32
    assert len(report.interlaced) == 16
    for key, value in model.state_dict().items():  # nothing else has changed
        assert key not in weights or torch.equal(value, weights[key])
    gone = {f"{each.layer}.{part}" for each in report.replaced for part in ("weight", "bias", "num_batches_tracked")}
    assert set(weights) - set(model.state_dict()) <= gone
    model(torch.rand(4, 3, 64, 64)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_running_statistics_options_and_mode_are_taken_over():
    model = torchvision_network("r3d_18").double().eval()
    old = model.layer2[0].conv1[1]
    old.running_mean.normal_()
    old.running_var.uniform_(1, 2)
    old.eps, old.momentum = 1e-3, 0.05
    add_dnr(model)
    new = model.layer2[0].conv1[1]
    assert isinstance(new, InjectedNorm)
    assert torch.equal(new.running_mean, old.running_mean)
    assert torch.equal(new.running_var, old.running_var)
    assert (new.affine.eps, new.momentum, new.training) == (1e-3, 0.05, False)
    assert {each.dtype for each in (*new.parameters(), *new.buffers())} == {torch.float64}
    assert model.layer2.lstm.input_gates[0].weight.dtype == torch.float64
    assert not any(module.training for module in model.modules())


def test_an_adapter_brings_dnr_into_any_block():
    torch.manual_seed(0)
    model = Body().double()
    clips = torch.randn(2, 3, 5, 6, 6, dtype=torch.float64)
    report = add_dnr(model, DNRConfig(relay_distance=2), adapter=slow_parts)
    assert [(each.layer, each.kind, each.channels) for each in report.replaced[2:]] == [
        ("blocks.2.norm_a", "cross_layer", 8),
        ("blocks.2.norm_b", "cross_temporal", 8),
        ("blocks.3.norm_a", "cross_layer", 16),
        ("blocks.3.norm_b", "cross_temporal", 16),
    ]
    assert dict(report.left_alone)["stem.1"] == "in no residual block with DNR"
    assert [name for name, _ in model.blocks.named_children()] == ["0", "1", "2", "3", "lstm", "lstm_3"]
    x, relay = model.stem(clips), LayerRelay(model.blocks.lstm)  # a second composition, with the relay in the open
    for index in (0, 2, 3):
        block = model.blocks[index]
        if index == 3:
            relay = LayerRelay(model.blocks.lstm_3)
        mixed = interlace_channels(x)
        bare = copy.deepcopy(block.conv_a)
        bare.__class__ = nn.Conv3d
        layer, temporal = with_relays(block)
        out, relay = layer(bare(mixed), relay)
        out, _ = temporal(block.conv_b(out.relu()), None)
        x = (x + block.norm_c(block.conv_c(out.relu()))).relu()
    expected = model.fc(x.mean(dim=(2, 3, 4)))
    torch.testing.assert_close(model(clips), expected, rtol=1e-10, atol=1e-10)


def with_relays(block):
    """The DNR layers of a block, called with the relay as an argument."""

    def with_relay(layer):
        plain = next(base for base in type(layer).__mro__[2:] if issubclass(base, RelayNorm))
        return lambda x, relay: plain.forward(layer, x, relay)

    return with_relay(block.norm_a), with_relay(block.norm_b)


@pytest.mark.parametrize(
    ("norms", "expected"),
    [
        ("stem.1", ["stem.1"]),
        ("blocks.[02].norm_b", ["blocks.0.norm_b", "blocks.2.norm_b"]),
        (nn.GroupNorm, ["stem.1"]),
        ([nn.GroupNorm, "blocks.3.norm_?"], ["stem.1", "blocks.3.norm_a", "blocks.3.norm_b", "blocks.3.norm_c"]),
    ],
)
def test_cross_temporal_dnr_stands_in_for_chosen_norms(norms, expected):
    model = Body()
    report = add_dnr(model, norms=norms)
    assert [each.layer for each in report.replaced] == expected
    assert {each.kind for each in report.replaced} == {"cross_temporal"}
    assert report.interlaced == []
    assert {name for name, module in model.named_modules() if isinstance(module, InjectedNorm)} == {*expected}
    assert type(model.blocks) is nn.Sequential
    assert model(torch.rand(2, 3, 4, 8, 8)).shape == (2, 5)


def test_two_forward_passes_before_one_backward():
    torch.manual_seed(0)
    model = torchvision_network("r3d_18").double()
    add_dnr(model, DNRConfig(relay_distance=2))
    first, second = torch.randn(2, 1, 3, 4, 24, 24, dtype=torch.float64).unbind()
    apart = []
    for clips in (first, second):
        model.zero_grad()
        model(clips).sum().backward()
        apart.append({name: p.grad.clone() for name, p in model.named_parameters()})
    model.zero_grad()
    (model(first).sum() + model(second).sum()).backward()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, apart[0][name] + apart[1][name], rtol=1e-8, atol=1e-8)


def test_copies_and_pickles_are_equal_and_independent():
    model = torchvision_network("r3d_18").double().eval()
    add_dnr(model)
    clips = SMALL.requires_grad_(False)
    expected = model(clips)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(again(clips), expected, rtol=0, atol=0)
        with torch.no_grad():
            again.layer1.lstm.input_gates[0].weight.add_(1)
        assert not torch.equal(again(clips), expected)
        torch.testing.assert_close(model(clips), expected, rtol=0, atol=0)


def test_a_stage_still_looks_like_a_sequential():
    model = torchvision_network("resnet18")
    block, seen = model.layer1[1], []
    model.layer1.register_forward_hook(lambda *_: seen.append("stage"))
    stage = model.layer1
    add_dnr(model, num_frames=2)
    assert model.layer1 is stage
    assert len(stage) == 2
    assert list(stage) == [stage[0], stage[-1]]
    assert stage[-1] is block
    assert list(stage[1:]) == [block]
    model(torch.rand(2, 3, 32, 32))
    assert seen == ["stage"]


def test_another_number_of_frames():
    model = torchvision_network("resnet18").double().eval()
    add_dnr(model, DNRConfig(relay_distance=2), num_frames=4)
    clips = torch.randn(2, 3, 6, 24, 24, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"T=4 frames at layer1\.0\.conv1, the num_frames of add_dnr .*, got 6"):
        PerFrame(model)(clips)
    set_num_frames(model, 6)
    ours = create_model("tsn_resnet18", num_classes=5, num_frames=6, dnr=DNRConfig(relay_distance=2)).double().eval()
    ours.load_state_dict(model.state_dict())
    torch.testing.assert_close(PerFrame(model)(clips), ours(clips), rtol=1e-10, atol=1e-10)
    with pytest.raises(ValueError, match="call add_dnr first"):
        set_num_frames(nn.Linear(1, 1), 4)


def test_add_dnr_imports_neither_torchvision_nor_timm():
    code = "import sys; from dnrlab import add_dnr; print([n for n in ('torchvision', 'timm') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_pickled_network_opens_in_another_process(tmp_path):
    model = torchvision_network("resnet18").eval()
    add_dnr(model, num_frames=2)
    images = torch.rand(2, 3, 32, 32)
    torch.save((model, images, model(images).detach()), tmp_path / "model.pth")
    code = (
        "from dnrlab.torchvision_guard import guard_torchvision; guard_torchvision(); import torch; "
        f"model, images, expected = torch.load({str(tmp_path / 'model.pth')!r}, weights_only=False); "
        "torch.testing.assert_close(model(images), expected)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Sum(nn.Sequential):
    """A sequence whose input is added to its output."""

    def forward(self, x):
        return super().forward(x) + x


@pytest.mark.parametrize(
    "module",
    [
        lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 8, 1)),
        lambda: Sum(nn.Conv2d(8, 8, 1)),
        lambda: nn.Sequential(nn.ReLU(), nn.Conv2d(8, 8, 1)),
        lambda: nn.Sequential(nn.Sequential(nn.Conv2d(8, 8, 1)), nn.ReLU()),
        lambda: nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"),
    ],
    ids=["parametrized", "another forward", "first a relu", "nested", "circular"],
)
def test_the_whole_input_of_a_named_module_is_interlaced(module):
    torch.manual_seed(0)
    model = nn.Sequential(module()).eval()
    x = torch.randn(6, 8, 5, 5)
    moved = merge_time(interlace_channels(split_time(x, 3)))
    expected = model(moved)
    interlace(model, ["0"], 3)
    torch.testing.assert_close(model(x), expected)


def test_clips_of_another_length_are_refused_where_only_channels_are_interlaced():
    network = torchvision_network("resnet18")
    add_interlacing(network, num_frames=4)
    model = PerFrame(network).eval()
    with pytest.raises(ValueError, match=r"expected clips of T=4 frames at layer1.*got 2"):
        model(torch.rand(2, 3, 2, 32, 32))
    set_num_frames(model, 2)
    assert len(model(torch.rand(2, 3, 2, 32, 32))) == 2
    with pytest.raises(ValueError, match="expected a network with injected DNR"):
        set_num_frames(create_model("tsm_resnet18", num_classes=3, num_frames=4, width=8), 2)
