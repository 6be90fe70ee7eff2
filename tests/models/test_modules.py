"""The temporal modules of TANet and TDN against loops: outputs, running statistics, gradients."""

import copy

import pytest
import torch

from dnrlab import create_model
from dnrlab.models.tanet import TemporalAdaptiveModule
from dnrlab.models.tdn_modules import DifferenceStem, LongTermModule, MotionExcitation
from dnrlab.relay.axes import merge_time, split_time
from tests.helpers.layers import EXACT, assert_gradients
from tests.reference import layers, modules


def clip(channels, frames, height=3, width=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, frames, height, width, generator=generator, dtype=torch.float64) * 2 + 0.5


def unlike_start(module, training):
    """Weights and running statistics that a wrong use of them would show."""
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape) + 0.5 if "var" in name else torch.randn(value.shape) * 0.5)
    return module.double().train(training)


def numbers(module):
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


def assert_agrees(module, loops, x):
    """``loops(x, state, training)`` gives clips and the running statistics by norm."""
    start = copy.deepcopy(module)
    expected, running = loops(x.numpy(), numbers(start), start.training)
    y = split_time(module(merge_time(x), x.shape[2]), x.shape[2])
    torch.testing.assert_close(y, torch.from_numpy(expected), **EXACT)
    state = module.state_dict()
    for name, (mean, variance) in running.items():
        torch.testing.assert_close(state[f"{name}.running_mean"], torch.from_numpy(mean), **EXACT)
        torch.testing.assert_close(state[f"{name}.running_var"], torch.from_numpy(variance), **EXACT)
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    kept = {name: value.copy() for name, value in numbers(start).items() if "running" in name}
    x = x.clone().requires_grad_()

    def by_module():
        return (split_time(start(merge_time(x), x.shape[2]), x.shape[2]) * weight).sum()

    def by_loops():
        return (loops(x.detach().numpy(), numbers(start) | kept, start.training)[0] * weight.numpy()).sum()

    assert_gradients(by_module, by_loops, [x, *start.parameters()], atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("frames", [1, 3])
def test_the_adaptive_module_agrees_with_plain_loops(frames, training):
    module = unlike_start(TemporalAdaptiveModule(8, frames), training)
    assert_agrees(module, modules.adaptive, clip(8, frames))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 2)])
def test_motion_excitation_agrees_with_plain_loops(height, width, training):
    module = unlike_start(MotionExcitation(32), training)
    assert_agrees(module, modules.excitation, clip(32, 3, height, width))


@pytest.mark.parametrize("training", [True, False])
def test_the_long_term_module_agrees_with_plain_loops(training):
    assert_agrees(unlike_start(LongTermModule(16), training), modules.long_term, clip(16, 4, 2, 2))


def test_the_learned_shift_starts_as_that_of_tsm():
    module, x = LongTermModule(16).double(), clip(16, 4)
    weight = module.shift.weight.detach().numpy()
    expected = torch.from_numpy(layers.interlace(x.numpy()))
    torch.testing.assert_close(torch.from_numpy(modules.shift(x.numpy(), weight)), expected, rtol=0, atol=0)
    network = create_model("tdn_resnet18", num_frames=4, width=16)  # after the initialisation of all convolutions
    for layer in (network.layer2, network.layer4):
        kernel = layer.get_submodule("1").inside.shift.weight
        part = len(kernel) // 8
        assert kernel[:part, 0].unique(dim=0).tolist() == [[0, 0, 1]]
        assert kernel[part : 2 * part, 0].unique(dim=0).tolist() == [[1, 0, 0]]
        assert kernel[2 * part :, 0].unique(dim=0).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("training", [True, False])
def test_the_stem_for_differences_agrees_with_plain_loops(training):
    module = unlike_start(DifferenceStem(2), training)
    segments = torch.randn(2, 5, 3, 9, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start, weight = copy.deepcopy(module), torch.randn(2, 2, 1, 2, dtype=torch.float64)
    kept = {name: value.copy() for name, value in numbers(start).items() if "running" in name}
    expected, running = modules.difference_stem(segments.numpy(), numbers(start), training)
    torch.testing.assert_close(module(segments), torch.from_numpy(expected), **EXACT)
    torch.testing.assert_close(module.bn.running_mean, torch.from_numpy(running["bn"][0]), **EXACT)
    torch.testing.assert_close(module.bn.running_var, torch.from_numpy(running["bn"][1]), **EXACT)
    segments.requires_grad_()

    def by_loops():
        y, _ = modules.difference_stem(segments.detach().numpy(), numbers(start) | kept, training)
        return (y * weight.numpy()).sum()

    assert_gradients(lambda: (start(segments) * weight).sum(), by_loops, [segments, *start.parameters()], atol=1e-6)


def test_differences_start_as_what_the_stem_does_with_colours():
    model = create_model("tdn_resnet18", num_frames=2, width=8, num_classes=2)
    for channel in range(12):
        torch.testing.assert_close(model.difference.conv.weight[:, channel], model.conv1.weight.mean(dim=1))
