"""DNR in other places of basic blocks: the usual network but for its norms."""

import importlib

import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.models.blocks import BasicBlock
from dnrlab.relay import CrossLayerNorm, CrossLayerTemporalNorm, CrossTemporalNorm, LayerRelay
from tests.helpers.grid_networks import FUNCTIONS, know_grid_networks

PLACES = {
    "placement:second_norm": (torch.nn.BatchNorm2d, CrossLayerTemporalNorm),
    "placement:both_norms": (CrossLayerNorm, CrossTemporalNorm),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_block_has_its_norms_in_their_places_and_the_state_is_passed_on(name, monkeypatch):
    know_grid_networks(monkeypatch)
    network = create_model(name, num_classes=3, width=16, dnr=DNRConfig(), interlacing=False)
    usual = create_model("tsn_resnet18", num_classes=3, width=16, dnr=DNRConfig(), interlacing=False)
    blocks = [module for module in network.modules() if isinstance(module, BasicBlock)]
    assert len(blocks) == 8
    assert {(type(block.bn1), type(block.bn2)) for block in blocks} == {PLACES[name]}
    assert {block.interlaced for block in blocks} == {False}
    others = [{key for key in each.state_dict() if ".bn" not in key} for each in (network, usual)]
    assert others[0] == others[1]
    first, second = (network.layer1.get_submodule(each) for each in "01")
    x = torch.randn(8, 16, 6, 6)
    out, relay = first(x, 8, LayerRelay(network.layer1.lstm))
    assert not torch.allclose(second(out, 8, relay)[0], second(out, 8, LayerRelay(network.layer1.lstm))[0])


def test_the_second_norm_gets_what_the_second_convolution_gives(monkeypatch):
    know_grid_networks(monkeypatch)
    module = importlib.import_module("placement")
    torch.manual_seed(0)
    swapped = module.second_norm(3, 4, 0.0, DNRConfig(where="temporal")).eval()
    block, x = next(iter(module.blocks(swapped))), torch.randn(8, 4, 6, 6)
    between = torch.relu(block.bn1(block.conv1(x)))
    out, _ = block.bn2(block.conv2(between), None, 8)
    assert torch.allclose(block(x, 8, None)[0], torch.relu(out + x))
