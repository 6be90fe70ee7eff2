"""Cross-layer and cross-temporal DNR on one norm against loops, with every option: outputs, statistics, gradients."""

import pytest
import torch

from dnrlab.relay import CrossLayerTemporalNorm, DNRConfig, LayerRelay, RelayCell
from tests.helpers.layers import EXACT, OPTIONS, assert_gradients, clip, plain, running, unlike_start
from tests.reference import layers


def stage(training, **options):
    """The cell of a stage and the norms of its two blocks."""
    config = DNRConfig(**options)
    norms = [CrossLayerTemporalNorm(4, config).double() for _ in range(2)]
    if config.standardization == "batch":
        norms = [unlike_start(norm) for norm in norms]
    return RelayCell(4, config.reduction, config.depth).double(), [norm.train(training) for norm in norms]


def by_loops(lstm, norms, starts, xs, training):
    config = norms[0].config
    back = {"uni": None, "bi_shared": "lstm", "bi": "lstm_backward"}[config.direction]
    cells = [(plain(norm.lstm), back and plain(getattr(norm, back))) for norm in norms]
    return layers.cross_layer_temporal(
        [x.detach().numpy() for x in xs],
        plain(lstm),
        cells,
        starts,
        relay_distance=config.relay_distance,
        training=training,
        standardization=config.standardization,
        statistics=config.statistics,
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=lambda options: "-".join(map(str, options.values())) or "paper")
@pytest.mark.parametrize(("frames", "relay_distance"), [(5, 2), (3, 8)])
def test_both_on_one_norm_agree_with_plain_loops(frames, relay_distance, options, training):
    lstm, norms = stage(training, relay_distance=relay_distance, **options)
    xs, weight = [clip(frames=frames, seed=seed).requires_grad_() for seed in range(2)], clip(frames=frames, seed=9)
    batch = norms[0].config.standardization == "batch"
    starts = [running(norm) if batch else None for norm in norms]
    relay, outputs = LayerRelay(lstm), []
    for x, norm in zip(xs, norms, strict=True):
        y, relay = norm(x, relay)
        outputs.append(y)
    for y, norm, (expected, mean, var) in zip(outputs, norms, by_loops(lstm, norms, starts, xs, training), strict=True):
        torch.testing.assert_close(y, torch.from_numpy(expected), **EXACT)
        assert batch == bool(list(norm.buffers()))
        if batch:
            torch.testing.assert_close(norm.running_mean, torch.from_numpy(mean), **EXACT)
            torch.testing.assert_close(norm.running_var, torch.from_numpy(var), **EXACT)
    parameters = [parameter for norm in norms for parameter in norm.parameters()]
    assert_gradients(
        lambda: sum((y * weight).sum() for y in outputs),
        lambda: sum((y * weight.numpy()).sum() for y, _, _ in by_loops(lstm, norms, starts, xs, training)),
        [*xs, *lstm.parameters(), *parameters],
        atol=5e-8,  # the sums are of two blocks
    )


def test_one_frame_alone_is_standardized_and_relayed():
    lstm, (norm, _) = stage(False, relay_distance=4)
    x = clip(frames=1)
    expected = layers.cross_layer_temporal(
        [x.numpy()], plain(lstm), [(plain(norm.lstm), None)], [running(norm)], relay_distance=4, training=False
    )
    torch.testing.assert_close(norm(x, LayerRelay(lstm))[0], torch.from_numpy(expected[0][0]), **EXACT)
