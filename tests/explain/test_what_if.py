"""What-if questions: orders by worked examples, and what is applied when gamma and beta are held."""

import numpy as np
import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.explain.affine.record import record_dynamics
from dnrlab.explain.clips import ClipView
from dnrlab.explain.what_if import WhatIf, affine_held, changed_network, changed_view, frame_order
from dnrlab.relay import RelayNorm

SMALL = {"num_classes": 3, "width": 16, "num_frames": 4}


def order(**question):
    return frame_order(WhatIf(**question), 4, 2).tolist()


def view(per_segment=1):
    clip = torch.arange(4.0 * per_segment).expand(3, 2, 2, -1).permute(0, 3, 1, 2).contiguous()
    frames = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((4, 2, 2, 3), np.uint8)
    return ClipView("a.mp4", "up", clip, frames, [10, 20, 30, 40], [1.0, 2.0, 3.0, 4.0], (2, 2))


def test_orders_by_worked_examples():
    assert order() == [0, 1, 2, 3]
    assert order(frames="backwards") == [3, 2, 1, 0]
    assert order(frames="within groups") == [1, 0, 3, 2]
    assert order(frames="one frame held", frame=2) == [2, 2, 2, 2]
    assert order(frames="frames dropped", dropped=(0, 2)) == [1, 1, 1, 3]
    assert order(frames="frames dropped") == [0, 1, 2, 3]


def test_wrong_questions_say_what_would_do():
    with pytest.raises(ValueError, match=r"frames 1 to 4 of the clip, got 5"):
        order(frames="one frame held", frame=4)
    with pytest.raises(ValueError, match="got all 4 dropped; drop fewer"):
        order(frames="frames dropped", dropped=(0, 1, 2, 3))
    with pytest.raises(ValueError, match="expected frames to be one of"):
        WhatIf(frames="sideways")
    with pytest.raises(ValueError, match="expected held to be one of"):
        WhatIf(held="median")
    with pytest.raises(ValueError, match="expected cut to hold only"):
        WhatIf(cut=("space",))


def test_frames_indices_and_times_change_with_the_clip():
    changed = changed_view(view(), WhatIf(frames="backwards"), 2)
    assert changed.clip[0, :, 0, 0].tolist() == [3, 2, 1, 0]
    assert changed.frames[:, 0, 0, 0].tolist() == [3, 2, 1, 0]
    assert changed.frame_indices == [40, 30, 20, 10]
    assert changed.seconds == [4.0, 3.0, 2.0, 1.0]


def test_a_held_frame_stands_still_within_its_segment():
    changed = changed_view(view(per_segment=3), WhatIf(frames="one frame held", frame=1), 2)
    assert changed.clip[0, :, 0, 0].tolist() == [4.0] * 12


@pytest.fixture
def network():
    torch.manual_seed(1)
    model = create_model("tsn_resnet18", dnr=DNRConfig(relay_distance=2), **SMALL).eval()
    return model, torch.rand(2, 3, 4, 32, 32)


def applied(model, clips):
    """Gamma and beta that arrive at the scale and shift of each layer."""
    seen = {}
    for name, norm in model.named_modules():
        if isinstance(norm, RelayNorm):

            def see(_, inputs, __, name=name):
                seen[name] = inputs[3]

            norm.affine.register_forward_hook(see)
    with torch.inference_mode():
        model(clips)
    return seen


def test_the_first_group_is_held_in_all_groups(network):
    model, clips = network
    with torch.inference_mode():
        free = model(clips)
        with record_dynamics(model) as dynamics:
            model(clips)
    with affine_held(model):
        held = applied(model, clips)
        with torch.inference_mode():
            changed = model(clips)
    sources = [source for each in held.values() for source in each if source.gamma.shape[1] > 1]
    assert sources
    for source in sources:
        torch.testing.assert_close(source.gamma, source.gamma[:, :1].expand_as(source.gamma), rtol=0, atol=0)
    first = next(name for name, each in held.items() if any(s.kind == "cross_temporal" for s in each))
    own = next(source for source in held[first] if source.kind == "cross_temporal")
    expected = dynamics.arrays()[first, "cross_temporal"].gamma[:, :, 0]
    np.testing.assert_array_equal(own.gamma[:, 0].numpy(), expected)
    assert not torch.equal(free, changed)
    with torch.inference_mode():
        torch.testing.assert_close(model(clips), free, rtol=0, atol=0)  # nothing stays behind


def test_means_are_applied_to_every_clip_and_group(network):
    model, clips = network
    with record_dynamics(model) as dynamics, torch.inference_mode():
        model(clips)
    means = {
        key: (torch.full(own.gamma.shape[1:2], 0.25), torch.full(own.beta.shape[1:2], -1.0))
        for key, own in dynamics.arrays().items()
    }
    with changed_network(model, WhatIf(held="class mean"), means):
        held = applied(model, clips)
    for sources in held.values():
        for source in sources:
            assert source.gamma.unique().tolist() == [0.25]
            assert source.beta.unique().tolist() == [-1.0]


def test_a_cut_relay_changes_the_logits_inside_the_block_alone(network):
    model, clips = network
    with torch.inference_mode():
        free = model(clips)
        with changed_network(model, WhatIf(cut=("cross_temporal",))):
            cut = model(clips)
        assert not torch.equal(free, cut)
        torch.testing.assert_close(model(clips), free, rtol=0, atol=0)


def test_networks_without_dnr_and_missing_means_are_named(network):
    plain = create_model("tsn_resnet18", **SMALL)
    with pytest.raises(ValueError, match="expected a network with DNR"), affine_held(plain):
        pass
    with (
        pytest.raises(ValueError, match="expected the means of gamma and beta, got none"),
        changed_network(network[0], WhatIf(held="class mean")),
    ):
        pass


def test_changes_in_words():
    assert WhatIf().words == ""
    assert WhatIf(frames="backwards").words == "frames backwards"
    assert WhatIf(frames="one frame held", frame=4).words == "frame 5 held"
    dropped = WhatIf(frames="frames dropped", dropped=(1, 2), cut=("cross_layer",), held="class mean")
    assert dropped.words == "without frames 2 3; relay cut over layers; γ and β held at the class mean"
