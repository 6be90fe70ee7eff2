"""Copies for inference: equal logits, no norm that could be folded, and what they refuse."""

import copy

import pytest
import torch
from torch import nn

from dnrlab import DNRConfig, create_model, optimize_for_inference
from dnrlab.evaluation.evaluate import for_inference
from dnrlab.explain import record_dynamics
from dnrlab.relay import RelayNorm
from tests.helpers.own_networks import images

NAMES = ["tsn_resnet50", "tsm_resnet18", "tsm_resnet50", "tanet_resnet50", "tdn_resnet50", "r2plus1d_18"]
NAMES += ["slowonly_resnet50"]


def network(name, **options):
    torch.manual_seed(0)
    return create_model(name, num_classes=5, num_frames=4, width=16, **options).eval()


def clips_for(model):
    return torch.rand(2, 3, 4 * getattr(model, "frames_per_segment", 1), 40, 40)


def batch_norms(model):
    return [name for name, module in model.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


@pytest.mark.parametrize("dnr", [None, DNRConfig(relay_distance=2), DNRConfig(standardization="instance", depth=2)])
@pytest.mark.parametrize("name", NAMES)
def test_logits_are_equal_and_no_batch_norm_is_left(name, dnr):
    model = network(name, dnr=dnr).double()
    clips = clips_for(model).double()
    with torch.no_grad():
        for module in model.modules():  # the statistics of these clips, and affine pairs unlike those of the start
            if isinstance(module, nn.modules.batchnorm._BatchNorm | RelayNorm):
                module.momentum = 1.0
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.weight.uniform_(0.5, 2)
                module.bias.normal_()
        model.train()(clips)
    before = copy.deepcopy(model.eval().state_dict())
    fast = optimize_for_inference(model)
    torch.testing.assert_close(fast(clips), model(clips), rtol=1e-9, atol=1e-9)
    assert batch_norms(fast) == []
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("dnr", [None, DNRConfig()])
@pytest.mark.parametrize("name", NAMES)
def test_logits_in_single_precision(name, dnr):
    model = network(name, dnr=dnr)
    clips = clips_for(model)
    torch.testing.assert_close(optimize_for_inference(model)(clips), model(clips), rtol=0, atol=1e-5)


def test_gamma_still_depends_on_the_input():
    model = network("tsn_resnet50", dnr=DNRConfig(relay_distance=2))
    found = []
    for each in (model, optimize_for_inference(model)):
        with record_dynamics(each) as dynamics:
            each(torch.rand(2, 3, 4, 40, 40, generator=torch.Generator().manual_seed(1)))
        found.append(dynamics.arrays())
    for key, affine in found[0].items():
        torch.testing.assert_close(torch.tensor(found[1][key].gamma), torch.tensor(affine.gamma), rtol=1e-4, atol=1e-5)
        assert affine.gamma.std(axis=0).max() > 1e-6


def test_a_recording_goes_on_in_the_copy():
    model = network("tsn_resnet18", dnr=DNRConfig())
    with record_dynamics(model) as dynamics:
        optimize_for_inference(model)(clips_for(model))
    assert dynamics.arrays()


def test_what_is_not_known_or_watched_stays():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
    ).eval()
    model[4].register_forward_hook(lambda *_: None)
    assert batch_norms(optimize_for_inference(model)) == ["4"]
    elsewhere = images(num_classes=5, num_frames=4, dnr=None)
    assert batch_norms(optimize_for_inference(elsewhere)) != batch_norms(elsewhere)

    class Twice(nn.Module):
        """Uses what comes before the norm, too; its code is nobody's that is known."""

        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            x = self.conv1(x)
            return x + self.bn1(x)

    assert batch_norms(optimize_for_inference(Twice())) == ["bn1"]


@pytest.mark.parametrize("dnr", [None, DNRConfig()])
def test_training_is_refused(dnr):
    fast = optimize_for_inference(network("tsn_resnet18", dnr=dnr))
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    with pytest.raises(RuntimeError, match="expected evaluation mode, got training of a copy for inference"):
        fast.train()(clips_for(fast))


class Standardized(nn.Conv2d):
    """A convolution that standardizes its weight, as in nf-resnets."""

    def forward(self, x):
        return self._conv_forward(x, self.weight / self.weight.std(), self.bias)


def shared_relu():
    relu = nn.ReLU()
    return nn.Sequential(nn.Conv2d(3, 4, 1), relu, nn.Conv2d(4, 4, 1), relu, nn.BatchNorm2d(4))


def one_convolution_before_two_norms():
    conv = nn.Conv2d(3, 4, 1)
    return nn.ModuleList([nn.Sequential(conv, nn.BatchNorm2d(4)), nn.Sequential(conv, nn.BatchNorm2d(4))])


def with_hook():
    inner = nn.Sequential(nn.Conv2d(3, 4, 1))
    inner.register_forward_hook(lambda _, __, output: output.relu())
    return nn.Sequential(inner, nn.BatchNorm2d(4))


NOT_FOLDED = {
    "shared relu": shared_relu,
    "a layer used twice": one_convolution_before_two_norms,
    "weights that are standardized": lambda: nn.Sequential(Standardized(3, 4, 1), nn.BatchNorm2d(4)),
    "weights that are parametrized": lambda: nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 1)), nn.BatchNorm2d(4)
    ),
    "old weight norm": lambda: nn.Sequential(nn.utils.weight_norm(nn.Conv2d(3, 4, 1)), nn.BatchNorm2d(4)),
    "a hook between": with_hook,
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*")
@pytest.mark.parametrize("case", NOT_FOLDED)
def test_layers_that_are_more_than_their_weight_stay(case):
    torch.manual_seed(0)
    model, x = NOT_FOLDED[case](), torch.rand(2, 3, 6, 6)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
    model.eval()
    if case == "old weight norm":
        model(x)  # its weight is a result; a copy needs it as a parameter
        with pytest.raises(RuntimeError, match="deepcopy"):
            optimize_for_inference(model)
        return
    run = lambda network: torch.stack([own(x) for own in network]) if isinstance(network, nn.ModuleList) else network(x)  # noqa: E731
    torch.testing.assert_close(run(optimize_for_inference(model)), run(model))
    assert len(batch_norms(optimize_for_inference(model))) == len(batch_norms(model))


@pytest.mark.parametrize("bias", [True, False])
def test_a_batch_norm_without_affine_pair_behind_a_linear_layer(bias):
    model = nn.Sequential(nn.Linear(3, 4, bias=bias), nn.BatchNorm1d(4, affine=False)).eval()
    model[1].running_mean.normal_()
    x = torch.rand(5, 3)
    fast = optimize_for_inference(model)
    torch.testing.assert_close(fast(x), model(x))
    assert batch_norms(fast) == []


class Stores(nn.Module):
    """A network that stores its last features on itself."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 10)

    def forward(self, clips):
        self.last = self.linear(clips.mean(dim=(2, 3, 4)))
        return self.last


def test_a_network_that_cannot_be_copied_is_evaluated_as_it_is(caplog):
    model = Stores()
    model(torch.rand(1, 3, 2, 4, 4))
    with caplog.at_level("INFO"):
        assert for_inference(model) is model
    assert "Stores is evaluated as it is, since it cannot be copied" in caplog.text
