"""Norms of single images: by hand, in their places, and beside DNR."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dnrlab import DNRConfig, create_model
from dnrlab.models.norms import NORMS, image_norm, replace_batch_norms

IMAGE_NORMS = NORMS[1:]


def by_hand(x, groups, weight, bias, eps=1e-5):
    """Plain loops over images and groups of channels."""
    out = torch.empty_like(x)
    size = x.shape[1] // groups
    for image in range(len(x)):
        for start in range(0, x.shape[1], size):
            values = x[image, start : start + size]
            mean = values.sum() / values.numel()
            variance = ((values - mean) ** 2).sum() / values.numel()
            out[image, start : start + size] = (values - mean) / (variance + eps) ** 0.5
    return out * weight[:, None, None] + bias[:, None, None]


@pytest.mark.parametrize(
    ("norm", "channels", "groups"), [("group", 64, 32), ("group", 8, 4), ("instance", 6, 6), ("layer", 6, 1)]
)
def test_a_norm_agrees_with_plain_loops(norm, channels, groups):
    x = torch.randn(3, channels, 4, 5, dtype=torch.float64) * 2 + 1
    layer = image_norm(norm, channels).double()
    with torch.no_grad():
        layer.weight.normal_()
        layer.bias.normal_()
    expected = by_hand(x, groups, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(F.group_norm(x, groups, layer.weight, layer.bias), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(layer.eval()(x), expected, rtol=1e-10, atol=1e-10)  # nothing is kept running


@pytest.mark.parametrize("norm", IMAGE_NORMS)
@pytest.mark.parametrize("name", ["tsn_resnet18", "tsm_resnet50", "tanet_resnet18", "tdn_resnet50"])
def test_every_batch_norm_over_images_is_replaced_and_nothing_else(name, norm):
    settings = {"num_classes": 5, "num_frames": 4, "width": 32}
    torch.manual_seed(0)
    plain = create_model(name, **settings)
    torch.manual_seed(0)
    model = create_model(name, norm=norm, **settings)
    theirs, ours = dict(plain.named_parameters()), dict(model.named_parameters())
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[each], theirs[each]) for each in theirs)  # the same start, the same count
    replaced = {each for each, module in plain.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {"bn1", "layer2.0.downsample.1"} <= replaced
    assert {each for each, module in model.named_modules() if isinstance(module, nn.GroupNorm)} == replaced
    left = [each for each, module in model.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert all(".inside." in each for each in left)
    assert bool(left) == name.startswith("tanet")  # vectors of frames, which have no space


@pytest.mark.parametrize("norm", IMAGE_NORMS)
def test_a_clip_does_not_see_the_others_of_its_batch(norm):
    model = create_model("tsn_resnet18", num_classes=5, num_frames=4, width=8, norm=norm, dropout=0.0).double()
    clips = torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    logits = model(clips)
    torch.testing.assert_close(model(clips[:1]), logits[:1], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(model(clips.flip(2)), logits, rtol=1e-10, atol=1e-10)  # nor the order of frames
    torch.testing.assert_close(model.eval()(clips), logits, rtol=1e-10, atol=1e-10)


def test_batch_leaves_a_network_as_it_is():
    model = create_model("tsn_resnet18", width=8)
    before = list(model.modules())
    replace_batch_norms(model, "batch")
    assert all(ours is theirs for ours, theirs in zip(model.modules(), before, strict=True))


def test_a_norm_that_cannot_be_had_is_named():
    with pytest.raises(ValueError, match=r"expected norm in \('batch', 'group', 'instance', 'layer'\), got 'switch'"):
        create_model("tsn_resnet18", norm="switch")
    with pytest.raises(ValueError, match=r"'batch' with DNR, got 'layer'; choose DNRConfig\(standardization='layer'\)"):
        create_model("tsn_resnet18", norm="layer", dnr=DNRConfig())
    with pytest.raises(ValueError, match=r"multiple of the 32 groups of group norm, got 80; choose another width"):
        create_model("tsn_resnet18", norm="group", width=40)
