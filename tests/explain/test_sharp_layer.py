"""Which layer a heat map is drawn from, if nobody chose one."""

import pytest
import torch

from dnrlab.explain.cam.sharp_layer import sharp_layer
from tests.helpers.networks import made


@pytest.mark.parametrize(
    ("name", "crop_size", "layer"),
    [
        *(("tsn_resnet18", *case) for case in [(224, "layer4"), (112, "layer3"), (64, "layer2"), (48, "layer2")]),
        *(("tsn_resnet18", *case) for case in [(32, "layer1"), (8, "layer1")]),
        ("tdn_resnet18", 64, "layer2"),
        ("r3d_18", 48, "layer3"),
        ("tests.helpers.own_networks:images", 64, "network.layer2"),
        ("tests.helpers.own_networks:clips", 64, "layer3"),
    ],
)
def test_the_layer_to_look_at_has_maps_of_six_cells(name, crop_size, layer):
    assert sharp_layer(made(name, 4, crop_size=crop_size, short_side=crop_size)) == layer


def test_a_network_without_maps_says_so():
    run = made("tsn_resnet18", 2)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 2 * 48 * 48, 10))
    with pytest.raises(ValueError, match=r"maps that are not negative in Sequential, got none; give layer"):
        sharp_layer(run._replace(model=network))
