"""The layers of DNR against loops: outputs, running statistics, gradients; and what they claim."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dnrlab.relay import (
    CrossLayerNorm,
    CrossLayerTemporalNorm,
    CrossTemporalNorm,
    DNRConfig,
    LayerRelay,
    RelayCell,
)
from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.functional import interlace_channels, relay_step
from dnrlab.relay.groups import group_lengths
from tests.helpers.layers import EXACT, assert_gradients, clip, plain, running, unlike_start
from tests.reference import layers


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("frames", "relay_distance"), [(4, 2), (5, 2), (5, 4), (3, 8), (1, 4), (3, 1)])
def test_cross_temporal_agrees_with_plain_loops(frames, relay_distance, training):
    norm = unlike_start(CrossTemporalNorm(4, DNRConfig(relay_distance=relay_distance)).double()).train(training)
    x = clip(frames=frames)
    expected, mean, var = layers.cross_temporal(
        x.numpy(), plain(norm.lstm), running(norm), relay_distance=relay_distance, training=training
    )
    y, relay = norm(x, None)
    assert relay is None
    torch.testing.assert_close(y, torch.from_numpy(expected), **EXACT)
    torch.testing.assert_close(norm.running_mean, torch.from_numpy(mean), **EXACT)
    torch.testing.assert_close(norm.running_var, torch.from_numpy(var), **EXACT)


@pytest.mark.parametrize("training", [True, False])
def test_cross_temporal_gradients_agree_with_differences_of_the_loops(training):
    norm = unlike_start(CrossTemporalNorm(4, DNRConfig(relay_distance=2)).double()).train(training)
    x, weight = clip().requires_grad_(), clip(seed=1)
    start = running(norm)

    def by_loops():
        values = x.detach().numpy()
        y, _, _ = layers.cross_temporal(values, plain(norm.lstm), start, relay_distance=2, training=training)
        return (y * weight.numpy()).sum()

    assert_gradients(lambda: (norm(x, None)[0] * weight).sum(), by_loops, [x, *norm.parameters()])


def stage_norms(training):
    lstm = RelayCell(4).double()
    return lstm, [unlike_start(CrossLayerNorm(4).double()).train(training) for _ in range(3)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("frames", [1, 5])
def test_cross_layer_agrees_with_plain_loops(frames, training):
    lstm, norms = stage_norms(training)
    xs = [clip(frames=frames, seed=seed) for seed in range(3)]
    expected = layers.cross_layer(
        [x.numpy() for x in xs], plain(lstm), [running(norm) for norm in norms], training=training
    )
    relay = LayerRelay(lstm)
    for x, norm, (y_expected, mean, var) in zip(xs, norms, expected, strict=True):
        y, relay = norm(x, relay)
        torch.testing.assert_close(y, torch.from_numpy(y_expected), **EXACT)
        torch.testing.assert_close(norm.running_mean, torch.from_numpy(mean), **EXACT)
        torch.testing.assert_close(norm.running_var, torch.from_numpy(var), **EXACT)


@pytest.mark.parametrize("training", [True, False])
def test_cross_layer_gradients_agree_with_differences_of_the_loops(training):
    lstm, norms = stage_norms(training)
    xs = [clip(seed=seed).requires_grad_() for seed in range(3)]
    weight = clip(seed=9)
    start = [running(norm) for norm in norms]

    def by_module():
        relay, total = LayerRelay(lstm), 0
        for x, norm in zip(xs, norms, strict=True):
            y, relay = norm(x, relay)
            total = total + (y * weight).sum()
        return total

    def by_loops():
        results = layers.cross_layer([x.detach().numpy() for x in xs], plain(lstm), start, training=training)
        return sum((y * weight.numpy()).sum() for y, _, _ in results)

    assert_gradients(by_module, by_loops, [*xs, *lstm.parameters()])


def test_hidden_state_takes_a_sigmoid_where_a_common_lstm_takes_tanh():
    gates, cell = torch.zeros(1, 4), torch.ones(1, 1)
    hidden, new_cell = relay_step(gates, cell)
    torch.testing.assert_close(new_cell, torch.tensor([[0.5]]))
    torch.testing.assert_close(hidden, torch.tensor([[0.5 / (1 + np.exp(-0.5))]], dtype=torch.float32))


def test_cell_has_the_supplements_size():
    cell = RelayCell(64)
    assert sum(p.numel() for name, p in cell.named_parameters() if "weight" in name) == 2.5 * 64**2
    assert sum(p.numel() for name, p in cell.named_parameters() if "bias" in name) == 8.5 * 64


@given(num_frames=st.integers(1, 40), relay_distance=st.integers(1, 50))
@settings(max_examples=50, deadline=None)
def test_groups_cover_the_clip_and_only_the_last_is_shorter(num_frames, relay_distance):
    lengths = group_lengths(num_frames, relay_distance)
    assert sum(lengths) == num_frames
    assert all(length == relay_distance for length in lengths[:-1])
    assert 1 <= lengths[-1] <= relay_distance


def test_interlacing_agrees_with_plain_loops_and_its_gradient_goes_back_the_same_way():
    x = clip(channels=17, frames=4).requires_grad_()
    weight = clip(channels=17, frames=4, seed=1)
    y = interlace_channels(x)
    torch.testing.assert_close(y, torch.from_numpy(layers.interlace(x.detach().numpy())), rtol=0, atol=0)
    (y * weight).sum().backward()
    # Each value is used once at most, so the gradient is the weight where it was used: the loops on a one-hot input.
    expected = torch.zeros_like(x)
    for channel in range(17):
        for frame in range(4):
            one = np.zeros(x.shape)
            one[:, channel, frame] = 1
            expected[:, channel, frame] = (torch.from_numpy(layers.interlace(one)) * weight).sum(dim=(1, 2))
    torch.testing.assert_close(x.grad, expected, rtol=0, atol=0)


def test_time_is_split_and_merged_clip_by_clip():
    images = torch.arange(6).view(6, 1, 1, 1)
    clips = split_time(images, 3)
    assert clips[1, 0, :, 0, 0].tolist() == [3, 4, 5]
    assert merge_time(clips).data_ptr() == images.data_ptr()


def test_half_precision_features_are_standardized_in_single_precision():
    norm = CrossTemporalNorm(4, DNRConfig(relay_distance=2))
    x = (clip() * 100 + 300).bfloat16()
    y, _ = norm(x, None)
    expected, _ = norm(x.float(), None)  # in training nothing but the running statistics differs
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, rtol=1e-2, atol=1e-2)
    assert norm.bfloat16()(x, None)[0].dtype == torch.bfloat16


def test_errors_say_what_was_expected_what_came_and_what_to_do():
    norm = CrossTemporalNorm(8)
    with pytest.raises(ValueError, match=r"C=8.*got \(2, 4, 3, 5, 5\).*split_time"):
        norm(torch.zeros(2, 4, 3, 5, 5), None)
    with pytest.raises(ValueError, match=r"more than one value per channel.*got one.*relay distance"):
        norm(torch.zeros(1, 8, 1, 1, 1), None)
    with pytest.raises(ValueError, match=r"multiple of reduction, got channels=6, reduction=4.*width"):
        RelayCell(6)
    with pytest.raises(ValueError, match=r"relay_distance of at least 1, got 0.*4"):
        DNRConfig(relay_distance=0)
    with pytest.raises(ValueError, match=r"LayerRelay.*got None"):
        CrossLayerNorm(8)(torch.zeros(2, 8, 3, 5, 5), None)
    with pytest.raises(ValueError, match=r"LayerRelay.*got None"):
        CrossLayerTemporalNorm(8)(torch.zeros(2, 8, 3, 5, 5), None)
    with pytest.raises(ValueError, match=r"at least 8 channels to interlace, got 4"):
        interlace_channels(torch.zeros(1, 4, 2, 1, 1))
    with pytest.raises(ValueError, match=r"T=3 frames, got \(4, 1, 2, 2\)"):
        split_time(torch.zeros(4, 1, 2, 2), 3)
