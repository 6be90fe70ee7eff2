"""Parameters to the last digit; MACs in closed form against METHOD's figures and against a count of what runs."""

import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.bench import macs
from dnrlab.bench.counted_macs import counted_macs, operations_of
from dnrlab.models.weights import count_parameters

PAPER = DNRConfig()
TABLE = [  # 400 classes, 8 frames of 224 x 224 pixels: parameters, MACs; DNR adds 4,039,232 and 9,431,040
    ("tsn_resnet50", 24_327_632, 32_703_643_648),
    ("tsm_resnet50", 24_327_632, 32_703_643_648),
    ("tanet_resnet50", 25_590_320, 32_760_128_512),
    ("tdn_resnet50", 24_873_648, 35_642_446_848),
]


def counted(name, *, size=224, num_frames=8, **settings):
    """Parameters, and MACs of a forward pass without numbers."""
    with torch.device("meta"):
        model = create_model(name, num_frames=num_frames, **settings).eval()
        clips = torch.zeros(1, 3, num_frames * model.frames_per_segment, size, size)
        return count_parameters(model), operations_of(model, clips) // 2


@pytest.mark.parametrize(("name", "expected_parameters", "expected_macs"), TABLE)
def test_the_networks_of_the_paper_to_the_last_digit(name, expected_parameters, expected_macs):
    assert counted(name) == (expected_parameters, expected_macs)
    assert macs(name) == expected_macs
    with_dnr = counted(name, dnr=PAPER)
    assert with_dnr == (expected_parameters + 4_039_232, expected_macs + 9_431_040)
    assert macs(name, dnr=PAPER) == with_dnr[1]
    one_step = 3_143_680  # MACs of all cross-temporal cells, and of all cross-layer steps: 2.5 C^2 over 16 blocks
    assert with_dnr[1] - expected_macs == 3 * one_step  # two groups, and the layers
    assert macs(name, dnr=DNRConfig(relay_distance=2)) == expected_macs + 5 * one_step


@pytest.mark.parametrize(
    ("name", "parameters", "billions"),  # torchvision's figures at 400 classes and 16 x 112 x 112: GFLOPS are MACs
    [("r3d_18", 33_371_472, 40.697), ("mc3_18", 11_695_440, 43.343), ("r2plus1d_18", 31_505_325, 40.519)],
)
def test_3d_networks_have_the_parameters_and_macs_that_torchvision_states(name, parameters, billions):
    assert counted(name, size=112, num_frames=16) == (parameters, macs(name, size=112, num_frames=16))
    assert macs(name, size=112, num_frames=16) / 1e9 == pytest.approx(billions, abs=0.003)


def test_slow_only_has_the_parameters_of_the_specification():
    assert counted("slowonly_resnet50") == (32_454_096, macs("slowonly_resnet50"))


def test_the_modules_of_tanet():
    with torch.device("meta"):
        model = create_model("tanet_resnet50")
    assert sum(value.numel() for name, value in model.named_parameters() if ".inside." in name) == 1_262_688


OTHERS = [
    ("r3d_18", {}),
    ("r3d_18", {"num_frames": 5, "dnr": DNRConfig(relay_distance=2)}),
    ("mc3_18", {"dnr": DNRConfig(direction="bi")}),
    ("r2plus1d_18", {"num_frames": 7, "dnr": DNRConfig(where="layer")}),
    ("slowonly_resnet50", {"dnr": DNRConfig(relay_distance=3, depth=2)}),
    ("tsn_resnet18", {}),
    ("tsn_resnet34", {"dnr": DNRConfig(relay_distance=3, depth=2, reduction=2)}),
    ("tsm_resnet101", {"temporal_pool": True, "num_frames": 5}),
    ("tsm_resnet18", {"temporal_pool": True, "dnr": DNRConfig(direction="bi", relay_distance=2)}),
    ("tanet_resnet18", {"num_frames": 6, "dnr": DNRConfig(where="temporal")}),
    ("tanet_resnet152", {}),
    ("tdn_resnet18", {"num_frames": 4, "dnr": DNRConfig(where="layer", standardization="layer")}),
    ("tdn_resnet34", {"num_frames": 16}),
    ("tdn_resnet101", {"dnr": DNRConfig(direction="bi_shared")}),
]


@pytest.mark.parametrize(("name", "settings"), OTHERS)
@pytest.mark.parametrize("size", [100, *(pytest.param(size, marks=pytest.mark.slow) for size in (112, 48))])
def test_the_closed_form_is_what_runs(name, settings, size):
    given = {"num_classes": 7, "width": 16, **settings}
    assert macs(name, size=size, **given) == counted(name, size=size, **given)[1]


class LooksAtValues(torch.nn.Module):
    """A network that cannot run on shapes alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, clips):
        return self.network(clips if float(clips.sum()) >= 0 else -clips)


@pytest.mark.parametrize("interlacing", [False, True])
def test_a_network_that_looks_at_values_has_the_same_count(interlacing):
    model = create_model("tsn_resnet50", num_classes=4, width=16, dnr=DNRConfig(), interlacing=interlacing)
    shape = {"num_frames": 8, "size": 32}
    assert counted_macs(LooksAtValues(model), **shape) == counted_macs(model, **shape)
