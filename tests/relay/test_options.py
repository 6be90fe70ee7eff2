"""Every option of the DNR layers against loops: outputs, running statistics, gradients; and what is symmetric."""

import copy

import pytest
import torch
import torch.nn.functional as F

from dnrlab.relay import CrossLayerNorm, CrossTemporalNorm, DNRConfig, LayerRelay, RelayCell
from dnrlab.relay.groups import clip_moments
from dnrlab.relay.passes import Moments, frame_moments
from tests.helpers.layers import EXACT, OPTIONS, assert_gradients, clip, plain, running, unlike_start
from tests.reference import layers


def loops_of(norm, x, training):
    """Cross-temporal DNR by loops, with the settings of ``norm``."""
    config = norm.config
    back = {"uni": None, "bi_shared": norm.lstm, "bi": getattr(norm, "lstm_backward", None)}[config.direction]
    return layers.cross_temporal(
        x.detach().numpy(),
        plain(norm.lstm),
        running(norm) if config.standardization == "batch" else None,
        relay_distance=config.relay_distance,
        training=training,
        backward=None if back is None else plain(back),
        standardization=config.standardization,
        statistics=config.statistics,
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())))
def test_every_option_of_cross_temporal_agrees_with_plain_loops(options, training):
    norm = CrossTemporalNorm(4, DNRConfig(relay_distance=2, **options)).double()
    has_running = norm.config.standardization == "batch"
    norm = (unlike_start(norm) if has_running else norm).train(training)
    x, weight, start = clip().requires_grad_(), clip(seed=1), copy.deepcopy(norm)
    expected, mean, var = loops_of(norm, x, training)
    y, _ = norm(x, None)
    torch.testing.assert_close(y, torch.from_numpy(expected), **EXACT)
    assert has_running == bool(list(norm.buffers()))
    if has_running:
        torch.testing.assert_close(norm.running_mean, torch.from_numpy(mean), **EXACT)
        torch.testing.assert_close(norm.running_var, torch.from_numpy(var), **EXACT)
    assert_gradients(
        lambda: (start(x, None)[0] * weight).sum(),
        lambda: (loops_of(start, x, training)[0] * weight.numpy()).sum(),
        [x, *start.parameters()],
    )


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_moments_of_a_clip_by_itself_agree_with_plain_loops(parts):
    x = clip(frames=5)
    moments = Moments(*(each.transpose(1, 2) for each in frame_moments(x)))
    mean, variance = clip_moments(moments, [2, 2, 1], parts, 6)
    for index in range(2):
        for group, frames in enumerate(layers.frame_groups(5, 2)):
            means, variances = layers.clip_statistics(x.numpy(), index, frames, parts)
            torch.testing.assert_close(mean[index, group], torch.tensor(means, dtype=torch.float64), **EXACT)
            torch.testing.assert_close(variance[index, group], torch.tensor(variances, dtype=torch.float64), **EXACT)
    with pytest.raises(ValueError, match=r"multiple of the 3 channel groups, got 4; choose another width"):
        clip_moments(moments, [5], 3, 6)


def test_group_standardization_has_32_groups_of_channels_where_there_are_more():
    norm, x = CrossTemporalNorm(64, DNRConfig(relay_distance=2, standardization="group")).double(), clip(64, frames=3)
    y, _ = norm(x, None)
    for first, last in ((0, 2), (2, 3)):
        standard = F.group_norm(x[:, :, first:last], 32)
        slopes = (y[:, :, first:last].amax((2, 3, 4)) - y[:, :, first:last].amin((2, 3, 4))) / (
            standard.amax((2, 3, 4)) - standard.amin((2, 3, 4))
        )  # gamma, found from the output alone
        shifts = y[:, :, first:last].mean((2, 3, 4)) - slopes * standard.mean((2, 3, 4))
        expected = slopes[:, :, None, None, None] * standard + shifts[:, :, None, None, None]
        torch.testing.assert_close(y[:, :, first:last], expected, **EXACT)
        gamma, beta = layers.relay_over(x.numpy(), plain(norm.lstm), layers.frame_groups(3, 2))[first // 2][0]
        torch.testing.assert_close(slopes[0], torch.tensor(gamma, dtype=torch.float64), **EXACT)
        torch.testing.assert_close(shifts[0], torch.tensor(beta, dtype=torch.float64), **EXACT)


def test_a_part_of_one_value_has_no_variance():
    norm = CrossTemporalNorm(4, DNRConfig(relay_distance=1, standardization="instance"))
    with pytest.raises(ValueError, match="more than one value per part of a clip's channels, got one"):
        norm(torch.zeros(2, 4, 3, 1, 1), None)


def test_one_cell_both_ways_is_symmetric_in_time_if_the_groups_are_equal():
    x = clip(frames=6)
    for direction, relay_distance, symmetric in [("bi_shared", 2, True), ("bi_shared", 4, False), ("bi", 2, False)]:
        norm = CrossTemporalNorm(4, DNRConfig(direction=direction, relay_distance=relay_distance)).double().eval()
        backwards = norm(x.flip(2), None)[0].flip(2)
        assert torch.allclose(backwards, norm(x, None)[0], rtol=1e-10) == symmetric


def test_the_state_of_a_deep_relay_is_that_of_all_its_cells():
    state = RelayCell(4, depth=3)(torch.randn(2, 16))
    assert [(each.hidden.shape, each.cell.shape) for each in state] == [((2, 4), (2, 4))] * 3


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"depth": 2},
        {"reduction": 2},
        {"standardization": "layer"},
        {"standardization": "instance"},
        {"standardization": "group", "statistics": "clip", "depth": 2},
    ],
)
def test_options_of_cross_layer_agree_with_plain_loops(options, training):
    config = DNRConfig(**options)
    lstm = RelayCell(4, config.reduction, config.depth).double()
    norms = [CrossLayerNorm(4, config).double().train(training) for _ in range(3)]
    xs, weight = [clip(seed=seed).requires_grad_() for seed in range(3)], clip(seed=9)
    batch = config.standardization == "batch"
    starts = [running(norm) if batch else None for norm in norms]

    def by_loops():
        values = [x.detach().numpy() for x in xs]
        kind = {"standardization": config.standardization}
        return layers.cross_layer(values, plain(lstm), starts, training=training, **kind)

    relay, outputs = LayerRelay(lstm), []
    for x, norm in zip(xs, norms, strict=True):
        y, relay = norm(x, relay)
        outputs.append(y)
    for y, norm, (expected, mean, var) in zip(outputs, norms, by_loops(), strict=True):
        torch.testing.assert_close(y, torch.from_numpy(expected), **EXACT)
        if batch:
            torch.testing.assert_close(norm.running_mean, torch.from_numpy(mean), **EXACT)
            torch.testing.assert_close(norm.running_var, torch.from_numpy(var), **EXACT)
    assert_gradients(
        lambda: sum((y * weight).sum() for y in outputs),
        lambda: sum((y * weight.numpy()).sum() for y, _, _ in by_loops()),
        [*xs, *lstm.parameters()],
    )
