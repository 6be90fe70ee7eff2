"""Convolutions of interlaced features against plain convolutions of features that loops interlaced."""

import pytest
import torch
import torch.nn.functional as F

from dnrlab.relay import InterlacedConv2d, InterlacedConv3d
from dnrlab.relay.axes import merge_time
from tests.helpers.layers import EXACT, clip
from tests.reference import layers

IMAGES = [
    (8, {"kernel_size": 1, "bias": False}),  # as products of single frames
    (8, {"kernel_size": 1}),
    (800, {"kernel_size": 1}),  # too wide for products
    (17, {"kernel_size": 1, "stride": 2}),
    (17, {"kernel_size": 3, "padding": 1}),
    (16, {"kernel_size": 3, "padding": 2, "stride": 2, "groups": 4, "dilation": 2}),
]


def interlaced(x):
    """Clips interlaced by loops; the gradient goes back through an index of where each value came from."""
    numbers = torch.arange(1, x.numel() + 1, dtype=torch.float64).view(x.shape)
    sources = torch.from_numpy(layers.interlace(numbers.numpy())).long()  # 0: from past the end
    return torch.cat([x.new_zeros(1), x.flatten()])[sources]


def assert_equal_with_gradients(conv, x, found, expected):
    weight = torch.randn(expected.shape, dtype=expected.dtype)
    inputs = [x, *conv.parameters()]
    torch.testing.assert_close(found, expected, **EXACT)
    ours, theirs = (torch.autograd.grad((y * weight).sum(), inputs) for y in (found, expected))
    for first, second in zip(ours, theirs, strict=True):
        torch.testing.assert_close(first, second, **EXACT)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize(("channels", "options"), IMAGES)
def test_of_images(channels, options, frames, memory):
    conv = InterlacedConv2d(channels, 8, **options).double()
    x = clip(channels, frames).requires_grad_()
    images = merge_time(x).contiguous(memory_format=memory)
    expected = F.conv2d(
        merge_time(interlaced(x)), conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
    )
    assert_equal_with_gradients(conv, x, conv(images, frames), expected)


@pytest.mark.parametrize("options", [{"kernel_size": 1}, {"kernel_size": (3, 1, 1), "padding": (1, 0, 0), "stride": 2}])
def test_of_clips(options):
    conv = InterlacedConv3d(17, 8, **options).double()
    x = clip(17, 5).requires_grad_()
    expected = F.conv3d(interlaced(x), conv.weight, conv.bias, conv.stride, conv.padding)
    assert_equal_with_gradients(conv, x, conv(x), expected)


@pytest.mark.parametrize("options", [{"kernel_size": 1}, {"kernel_size": 3, "padding": 1}])
def test_the_features_are_saved_as_they_were(options):
    """A convolution of a moved copy would save the copy."""
    conv, images = InterlacedConv2d(8, 8, **options), torch.randn(4, 8, 5, 5, requires_grad=True)
    pointers = set()
    with torch.autograd.graph.saved_tensors_hooks(
        lambda each: pointers.add(each.data_ptr()) or each, lambda each: each
    ):
        conv(images, 2)
    assert pointers <= {images.data_ptr(), conv.weight.data_ptr()}


def test_second_derivatives_are_refused():
    conv, images = InterlacedConv2d(8, 8, 1), torch.randn(4, 8, 5, 5, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"first derivatives.*got .*create_graph=True"):
        torch.autograd.grad(conv(images, 2).sum(), images, create_graph=True)


def test_errors_say_what_was_expected():
    conv = InterlacedConv2d(8, 8, 1)
    with pytest.raises(ValueError, match=r"whole clips of T=3 frames, got \(4, 8, 5, 5\)"):
        conv(torch.zeros(4, 8, 5, 5), 3)
    with pytest.raises(ValueError, match=r"pass the number of frames per clip"):
        conv(torch.zeros(4, 8, 5, 5))
    with pytest.raises(ValueError, match=r"at least 8 channels to interlace, got 4"):
        InterlacedConv3d(4, 8, 1)(torch.zeros(1, 4, 2, 5, 5))


@pytest.mark.parametrize("padding", [{"padding_mode": "reflect", "padding": 1}, {"padding": "same"}])
def test_padding_that_cannot_be_moved_is_refused(padding):
    with pytest.raises(ValueError, match="expected padding by zeros, given in numbers"):
        InterlacedConv2d(8, 8, 3, **padding)(torch.rand(4, 8, 5, 5), 2)
