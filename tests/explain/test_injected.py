"""Recordings, heat maps and cuts of the relay in networks that were built elsewhere."""

import pytest
import torch

from dnrlab import DNRConfig, add_dnr, create_model, record_dynamics
from dnrlab.explain import clip_gradcam
from dnrlab.explain.affine.relay_cut import record_influence, relay_cut
from dnrlab.models import PerFrame
from tests.helpers.elsewhere import torchvision_network

CLIPS = torch.rand(2, 3, 4, 32, 32)


@pytest.fixture(scope="module")
def pair():
    """torchvision's ResNet-18 with DNR, and dnrlab's TSN with the same weights."""
    dnr = DNRConfig(relay_distance=2)
    network = torchvision_network("resnet18").eval()
    add_dnr(network, dnr, num_frames=4)
    ours = create_model("tsn_resnet18", num_classes=5, num_frames=4, dnr=dnr).eval()
    ours.load_state_dict(network.state_dict())
    return network, ours


@torch.inference_mode()
def test_recordings_are_those_of_dnrlabs_network(pair):
    network, ours = pair
    tables = []
    for model, inputs in ((network, CLIPS.transpose(1, 2).flatten(0, 1)), (ours, CLIPS)):  # images, and clips
        with record_dynamics(model) as dynamics:
            model(inputs)
        tables.append(dynamics.table())
    torch.testing.assert_close(torch.tensor(tables[0]["gamma"]), torch.tensor(tables[1]["gamma"]))
    names = ["clip", "layer", "kind", "stage", "block", "group", "first_frame", "last_frame", "channel"]
    assert tables[0][names].equals(tables[1][names])


def test_a_recording_takes_named_inputs_and_refuses_others(pair):
    _, ours = pair
    with record_dynamics(ours) as dynamics, torch.inference_mode():
        ours(clips=CLIPS)
    assert dynamics.table()["last_frame"].max() == 3
    with record_dynamics(ours), pytest.raises(ValueError, match=r"expected clips .* as an input .*got \[\(3, 4\)\]"):
        ours(torch.rand(3, 4))


def test_heat_maps_are_those_of_dnrlabs_network(pair):
    network, ours = pair
    heat = clip_gradcam(PerFrame(network), CLIPS, [0, 1], "network.layer2")
    torch.testing.assert_close(heat, clip_gradcam(ours, CLIPS, [0, 1], "layer2"), rtol=1e-4, atol=1e-4)
    assert not any(module.training for module in network.modules())  # though PerFrame itself is in training mode
    with pytest.raises(ValueError, match=r"put a network for images into dnrlab\.models\.PerFrame"):
        clip_gradcam(network, CLIPS.transpose(1, 2).flatten(0, 1), [0, 1], "layer2")


@torch.inference_mode()
def test_the_relay_is_cut_as_in_dnrlabs_network(pair):
    network, ours = pair
    model = PerFrame(network)
    whole = model(CLIPS)
    for kinds in (("cross_temporal",), ("cross_layer",), ()):
        with relay_cut(model, *kinds), relay_cut(ours, *kinds):
            cut, expected = model(CLIPS), ours(CLIPS)
        assert not torch.equal(cut, whole)
        torch.testing.assert_close(cut, expected)
    with record_influence(model) as influence:
        model(CLIPS)
    assert set(influence.table()["kind"]) == {"cross_temporal", "cross_layer"}
