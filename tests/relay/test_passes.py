"""The passes over maps: values and gradients, by batch norm's kernels and by plain operations; what they save."""

import copy

import pytest
import torch

from dnrlab.relay import CrossTemporalNorm, DNRConfig
from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.passes import as_image, frame_means, frame_moments, scale_and_shift
from tests.helpers.layers import EXACT, OPTIONS, clip

CLIPS = clip()  # (2, 4, 5, 2, 3)
MAPS = {
    "clips": CLIPS,
    "images": merge_time(CLIPS).contiguous(),
    "images channels last": merge_time(CLIPS).contiguous(memory_format=torch.channels_last),
    "clips channels last": CLIPS.contiguous(memory_format=torch.channels_last_3d),
    "split images": split_time(merge_time(CLIPS).contiguous(), 5),
}


@pytest.mark.parametrize("name", MAPS)
def test_values(name):
    x = MAPS[name]
    mean, scale, shift = torch.randn(3, *x.shape[:-2], dtype=x.dtype)
    assert (as_image(x) is not None) == (name in ("clips", "images"))
    moments = frame_moments(x)
    torch.testing.assert_close(moments.mean, x.mean((-2, -1)), **EXACT)
    torch.testing.assert_close(frame_means(x), x.mean((-2, -1)), **EXACT)
    torch.testing.assert_close(moments.variance, x.var((-2, -1), correction=0), **EXACT)
    expected = (x - mean[..., None, None]) * scale[..., None, None] + shift[..., None, None]
    torch.testing.assert_close(scale_and_shift(x, mean, scale, shift), expected, **EXACT)


@pytest.mark.parametrize("name", MAPS)
def test_gradients(name):
    x = MAPS[name].clone().requires_grad_()
    values = torch.randn(3, *x.shape[:-2], dtype=x.dtype, requires_grad=True)
    assert torch.autograd.gradcheck(frame_moments, x)
    assert torch.autograd.gradcheck(lambda x, values: scale_and_shift(x, *values), (x, values))


@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=lambda options: "-".join(map(str, options.values())) or "paper")
@pytest.mark.parametrize("training", [True, False])
def test_images_give_what_their_clips_give(options, training):
    """In every memory format: outputs, gradients and running statistics."""
    norm = CrossTemporalNorm(4, DNRConfig(relay_distance=2, **options)).double().train(training)
    found = []
    for name, x in MAPS.items():
        layer, x = copy.deepcopy(norm), x.clone().requires_grad_()
        y, _ = layer(x, None, 5 if x.ndim == 4 else None)
        gradients = torch.autograd.grad((y * y).sum(), [x, *layer.parameters()])
        y, of_x = (split_time(each, 5) if each.ndim == 4 else each for each in (y, gradients[0]))
        found.append((name, [y, of_x, *gradients[1:], *layer.buffers()]))
    for name, tensors in found[1:]:
        for first, second in zip(found[0][1], tensors, strict=True):
            torch.testing.assert_close(second, first, **EXACT, msg=name)


def test_only_the_map_itself_is_saved():
    norm, x, pointers = CrossTemporalNorm(4, DNRConfig(relay_distance=2)), torch.randn(4, 4, 5, 5), set()
    x.requires_grad_()

    def remember(each):
        if each.numel() >= x.numel():
            pointers.add(each.data_ptr())
        return each

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda each: each):
        norm(x, None, 2)
    assert pointers == {x.data_ptr()}


def test_second_derivatives_are_refused():
    norm, x = CrossTemporalNorm(4).double(), CLIPS.clone().requires_grad_()
    with pytest.raises(RuntimeError, match=r"first derivatives through DNR.*create_graph=True; leave it out"):
        torch.autograd.grad(norm(x, None)[0].sum(), x, create_graph=True)


def test_single_images_of_other_channels_are_named():
    with pytest.raises(ValueError, match=r"images \(N\*T, C=8, H, W\), got \(4, 4, 5, 5\)"):
        CrossTemporalNorm(8)(torch.zeros(4, 4, 5, 5), None, 2)
