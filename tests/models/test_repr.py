"""How layers print: as the call that rebuilds them, so that two networks that compute differently never print alike."""

import importlib
import pkgutil
from dataclasses import fields, replace

import pytest
from torch import nn

from dnrlab import DNRConfig, create_model, models, relay
from dnrlab.models.tanet import TemporalAdaptiveModule
from dnrlab.models.tdn_modules import DifferenceStem, LongTermModule, MotionExcitation
from dnrlab.relay.cell import DeeperCell
from dnrlab.relay.config import CHOICES
from dnrlab.relay.norm import GroupAffine
from dnrlab.relay.synchronized import SyncedBatchNorm

CONFIGS = [
    DNRConfig(),
    DNRConfig(relay_distance=2, direction="bi", reduction=2, depth=2),
    DNRConfig(standardization="instance", statistics="clip"),
]
NORMS = [relay.RelayNorm, relay.CrossLayerNorm, relay.CrossTemporalNorm, relay.CrossLayerTemporalNorm]
LAYERS = [
    relay.InterlacedConv2d(8, 16, 3, stride=2, padding=1, bias=False),
    relay.InterlacedConv3d(8, 16, (3, 1, 1), padding=(1, 0, 0)),
    relay.RelayCell(8),
    relay.RelayCell(8, 2, 3),
    DeeperCell(8),
    GroupAffine(1e-3),
    SyncedBatchNorm(8, eps=1e-3, momentum=0.2),
    *(norm(8, config) for norm in NORMS for config in CONFIGS),
    *(norm(8, CONFIGS[1], eps=1e-3, momentum=0.2) for norm in NORMS),
    DifferenceStem(8),
    LongTermModule(16),
    MotionExcitation(16),
    TemporalAdaptiveModule(8, 4),
    TemporalAdaptiveModule(16, 8),
]
TWO_VALUES = {"relay_distance": (2, 4), "reduction": (2, 4), "depth": (1, 2)} | {
    name: choices[:2] for name, choices in CHOICES.items()
}
TINY = {"num_classes": 3, "width": 8}


def shapes(layer):
    return {name: tuple(value.shape) for name, value in layer.state_dict().items()}


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{type(layer).__name__}({layer.extra_repr()})"[:60])
def test_a_layer_prints_the_call_that_rebuilds_it(layer):
    names = {type(layer).__name__: type(layer), "DNRConfig": DNRConfig}
    rebuilt = eval(f"{type(layer).__name__}({layer.extra_repr()})", names)
    assert rebuilt.extra_repr() == layer.extra_repr()
    assert shapes(rebuilt) == shapes(layer)


@pytest.mark.parametrize("field", [field.name for field in fields(DNRConfig)])
def test_networks_that_differ_in_one_field_of_dnr_print_differently(field):
    first, second = (replace(DNRConfig(), **{field: value}) for value in TWO_VALUES[field])
    assert first != second
    assert repr(create_model("tsn_resnet18", dnr=first, **TINY)) != repr(
        create_model("tsn_resnet18", dnr=second, **TINY)
    )


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("tsn_resnet18", "num_frames", (4, 8)),
        ("tdn_resnet18", "num_frames", (4, 8)),
        ("tsm_resnet18", "temporal_pool", (False, True)),
        ("tsn_resnet18", "interlacing", (False, True)),
        ("tsn_resnet18", "norm", ("batch", "instance")),
        ("tsn_resnet18", "dropout", (0.4, 0.5)),
    ],
)
def test_networks_that_differ_in_one_option_print_differently(name, option, values):
    first, second = (repr(create_model(name, **{option: value}, **TINY)) for value in values)
    assert first != second


def layer_classes():
    """Every nn.Module class that a file of ``dnrlab.relay`` or ``dnrlab.models`` defines."""
    for package in (relay, models):
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(each.name)).values():
                if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == each.name:
                    yield value


def test_every_layer_that_takes_arguments_has_an_extra_repr():
    found = list(layer_classes())
    assert {type(layer) for layer in LAYERS} <= set(found)
    takes_arguments = [each for each in found if each.__init__ is not nn.Module.__init__]
    takes_arguments.remove(models.PerFrame)  # its only argument is a module, which is printed
    assert [each for each in takes_arguments if each.extra_repr is nn.Module.extra_repr] == []
