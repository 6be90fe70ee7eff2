"""The networks: names and counts to the last digit, a second composition, and what logits may depend on."""

import pytest
import torch

from dnrlab import DNRConfig, create_model, model_names
from dnrlab.bench import macs
from dnrlab.relay import RelayNorm
from dnrlab.torchvision_guard import guard_torchvision
from tests.reference import networks

FAMILIES = ["tsn_resnet18", "tsm_resnet18", "tanet_resnet18", "tdn_resnet18"]
EVERY_OPTION = DNRConfig(relay_distance=2, direction="bi", depth=2, standardization="batch", statistics="clip")
PLAIN, RELAY, INTERLACED, DNR = (None, False), (DNRConfig(), False), (None, True), (DNRConfig(), True)


def small(name="tsn_resnet50", dnr=None, interlacing=None, **changes):
    settings = {"num_classes": 5, "num_frames": 4, "width": 8, "dnr": dnr, "interlacing": interlacing, "dropout": 0.0}
    return create_model(name, **(settings | changes))


def unlike_start(model, clips):
    """A network whose weights, biases, scales and running statistics are not those of the start."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            scale = 0.3 * value.std() if value.ndim > 1 else 0.2  # of convolutions, or of biases and scales
            value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(len(name))) * scale)
    model.train()
    for _ in range(2):
        model(clips)
    return model.eval()


def test_where_the_added_parameters_are():
    with torch.device("meta"):
        model = create_model("tsn_resnet50", dnr=DNRConfig())
    cells = {name: p.numel() for name, p in model.named_parameters() if ".lstm." in name}
    assert sum(size for name, size in cells.items() if ".bn2." in name) == 3_175_776
    assert sum(size for name, size in cells.items() if ".bn2." not in name) == 878_560


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_parameter_names_and_shapes_are_torchvisions(depth):
    guard_torchvision()
    import torchvision

    with torch.device("meta"):
        theirs = getattr(torchvision.models, f"resnet{depth}")().state_dict()
        ours = create_model(f"tsn_resnet{depth}", num_classes=1000).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


def test_one_frame_is_torchvisions_resnet():
    guard_torchvision()
    import torchvision

    theirs = torchvision.models.resnet18(num_classes=5).double().eval()
    ours = create_model("tsn_resnet18", num_classes=5).double().eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    torch.testing.assert_close(ours(images[:, :, None]), theirs(images), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("dnr", "interlacing"), [PLAIN, RELAY, INTERLACED, DNR])
@pytest.mark.parametrize("name", ["tsn_resnet18", "tsn_resnet50", "tanet_resnet18", "tanet_resnet50"])
def test_the_whole_network_agrees_with_a_plain_composition(name, dnr, interlacing, training):
    assert_agrees(small(name, dnr, interlacing, num_frames=5), 5, interlacing=interlacing, training=training)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dnr", [None, DNRConfig(relay_distance=2), DNRConfig(relay_distance=3)])
@pytest.mark.parametrize(
    ("name", "num_frames"),
    [("tsm_resnet18", 5), ("tsm_resnet50", 5), ("tsm_resnet101", 3), ("tdn_resnet18", 5), ("tdn_resnet50", 4)],
)
def test_networks_that_shift_agree_with_a_plain_composition(name, num_frames, dnr, training):
    model = small(name, dnr, num_frames=num_frames)
    assert_agrees(model, num_frames, interlacing=False, training=training)


@pytest.mark.parametrize("name", FAMILIES)
def test_relay_both_ways_by_one_cell_is_symmetric_in_time_without_shifts(name):
    """And what else is symmetric: cross-layer DNR. TSM, TANet and TDN are not, whatever the relay."""
    clips = torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    cases = [("bi_shared", "both", 2), ("bi", "both", 2), ("uni", "layer", 2), ("bi_shared", "both", 3)]
    for (direction, where, relay_distance), symmetric in zip(cases, (True, False, True, False), strict=True):
        dnr = DNRConfig(direction=direction, where=where, relay_distance=relay_distance)
        interlacing = False if name.startswith(("tsn", "tanet")) else None
        model = small(name, dnr, interlacing).double()
        own = clips.repeat_interleave(model.frames_per_segment, dim=2)
        own = own + 0.1 * torch.randn(own.shape, dtype=torch.float64)
        model = unlike_start(model, own)
        same = torch.allclose(model(own.flip(2)), model(own), rtol=1e-9, atol=1e-9)
        assert same == (symmetric and name.startswith("tsn"))


@pytest.mark.parametrize("dnr", [None, DNRConfig()])
def test_tsm_with_half_the_frames_agrees_with_a_plain_composition(dnr):
    model = small("tsm_resnet18", dnr, num_frames=5, temporal_pool=True)
    assert_agrees(model, 5, interlacing=False, training=True, temporal_pool=True)


def test_tdn_of_sixteen_segments_weighs_the_main_frame_more():
    assert_agrees(small("tdn_resnet18", num_frames=16), 16, interlacing=False, training=False)


def assert_agrees(model, num_frames, *, interlacing, training, **options):
    """Logits and running statistics against the composition, in float64."""
    frames = num_frames * model.frames_per_segment
    clips = torch.randn(2, 3, frames, 32, 32, dtype=torch.float64)
    model = unlike_start(model.double(), clips).train(training)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    has_dnr = any(".lstm." in key for key in state)
    relay_distances = {module.config.relay_distance for module in model.modules() if isinstance(module, RelayNorm)}
    family = {"TSM": "tsm", "TDN": "tdn"}.get(type(model).__name__)
    family = family or ("tanet" if any(".inside.kernel." in key for key in state) else "tsn")
    options |= {
        "relay_distance": relay_distances.pop() if has_dnr else None,
        "interlacing": interlacing,
        "training": training,
    }
    expected = networks.network(state, clips, family, **options)
    torch.testing.assert_close(model(clips), expected, rtol=1e-10, atol=1e-10)
    for key, value in model.state_dict().items():
        if ".running_" in key:
            torch.testing.assert_close(value, state[key], rtol=1e-10, atol=1e-10)


def test_logits_of_tsn_do_not_depend_on_the_order_of_frames():
    clips = torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    model = unlike_start(small().double(), clips)
    torch.testing.assert_close(model(clips[:, :, [2, 0, 3, 1]]), model(clips), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["tsn_resnet18", "tsn_resnet50"])
def test_the_relay_sees_the_order_of_groups_and_nothing_within_them(name):
    clips = torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    model = unlike_start(small(name, DNRConfig(relay_distance=2), interlacing=False).double(), clips)
    logits = model(clips)
    torch.testing.assert_close(model(clips[:, :, [1, 0, 3, 2]]), logits, rtol=1e-10, atol=1e-10)
    assert (model(clips[:, :, [2, 3, 0, 1]]) - logits).abs().max() > 1e-4


def test_interlacing_alone_sees_the_order_of_frames():
    clips = torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    model = unlike_start(small(interlacing=True).double(), clips)
    assert (model(clips[:, :, [1, 0, 3, 2]]) - model(clips)).abs().max() > 1e-4


def test_an_unknown_name_lists_the_known_ones():
    depths = (18, 34, 50, 101, 152)
    two_d = [f"{family}_resnet{depth}" for family in ("tsn", "tsm", "tanet", "tdn") for depth in depths]
    assert model_names() == [*two_d, "r3d_18", "mc3_18", "r2plus1d_18", "slowonly_resnet50"]
    for function in (create_model, macs):
        with pytest.raises(ValueError, match=f"got 'tsn_resnet19'; choose one of {', '.join(model_names())}"):
            function("tsn_resnet19")
        with pytest.raises(ValueError, match="temporal_pool with TSM only, got tsn_resnet18"):
            function("tsn_resnet18", temporal_pool=True)


def test_a_width_that_cannot_be_shifted_or_grouped_is_named_at_once():
    for settings in ({"name": "tsm_resnet18"}, {"name": "tdn_resnet18"}, {"name": "tsn_resnet18", "dnr": DNRConfig()}):
        with pytest.raises(ValueError, match="width of at least 8 to shift channels, got 4"):
            create_model(**settings, width=4)
    with pytest.raises(ValueError, match="multiple of the 32 channel groups, got 80"):
        create_model("tsn_resnet18", width=40, dnr=DNRConfig(standardization="group"))


def test_a_clip_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"C=3.*got \(2, 4, 3, 32, 32\)"):
        small()(torch.zeros(2, 4, 3, 32, 32))
