"""Published checkpoints, in their original layout and container, against networks with the same weights set by hand."""

import copy
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import dnrlab
from dnrlab import DNRConfig, create_model
from dnrlab.torchvision_guard import guard_torchvision
from tests.reference import by_hand, checkpoints


def network(name, num_frames=8, **settings):
    made = {"num_classes": 5, "num_frames": num_frames, "width": checkpoints.WIDTH, "dropout": 0.0} | settings
    return create_model(name, **made).eval()


def trained(tree, prefix="module."):
    """A file as TSM, TAM and TDN write it: with the optimizer's state, and DataParallel's prefix."""
    optimizer = torch.optim.SGD(tree.parameters(), lr=0.1, momentum=0.9)
    tensors = {f"{prefix}{name}": value for name, value in tree.state_dict().items()}
    others = {"epoch": 50, "arch": "resnet50", "best_prec1": torch.tensor(71.2), "optimizer": optimizer.state_dict()}
    return {**others, "state_dict": tensors}


def openmmlab(tree):
    return {"meta": {"epoch": 100, "mmaction_version": "1.2.0"}, "state_dict": tree.state_dict()}


class Case(NamedTuple):
    """A published file, and what becomes of its tensors."""

    tree: Callable[[], nn.Module]
    network: Callable[[], nn.Module]
    by_hand: Callable[[nn.Module, nn.Module], nn.Module]
    container: Callable[[nn.Module], dict]
    source: str
    tensors: int
    dropped: int = 0


def from_tsm(name="tsm_resnet50", *, shifted=True, temporal_pool=False):
    settings = {"temporal_pool": True} if temporal_pool else {}
    tree = partial(checkpoints.tsm, shifted=shifted, temporal_pool=temporal_pool)
    return Case(tree, partial(network, name, **settings), by_hand.from_tsm, trained, "TSM's repository", 320)


def from_tam(frames, container):
    tree, ours = partial(checkpoints.tam, frames=frames), partial(network, "tanet_resnet50", frames)
    return Case(tree, ours, by_hand.from_tam, container, "TAM's repository", 544)


def from_mmaction2(kind, name, tensors=320, **pooled):
    tree, ours = partial(checkpoints.mmaction2, kind=kind, **pooled), partial(network, name, **pooled)
    return Case(tree, ours, by_hand.from_mmaction2, openmmlab, "MMAction2", tensors)


TDN = Case(
    checkpoints.tdn, partial(network, "tdn_resnet50"), by_hand.from_tdn, trained, "TDN's repository", 789, dropped=2
)
DNR = Case(
    checkpoints.dnr_release,
    partial(network, "tsn_resnet50", dnr=DNRConfig(relay_distance=2), interlacing=False),
    by_hand.from_dnr_release,
    openmmlab,
    "the authors' release of DNR",
    416,
    dropped=32,
)
CASES = {
    "TSM": from_tsm(),
    "TSM, pooled": from_tsm(temporal_pool=True),
    "TSN": from_tsm("tsn_resnet50", shifted=False),
    "TAM": from_tam(8, partial(trained, prefix="")),
    "TAM, T=16": from_tam(16, trained),
    "TDN": TDN,
    "DNR": DNR,
    "MMAction2 TSN": from_mmaction2("tsn", "tsn_resnet50"),
    "MMAction2 TSM": from_mmaction2("tsm", "tsm_resnet50"),
    "MMAction2 TSM, pooled": from_mmaction2("tsm", "tsm_resnet50", temporal_pool=True),
    "MMAction2 TANet": from_mmaction2("tanet", "tanet_resnet50", 544),
}


def assert_same(ours, expected):
    """The same logits, and the same tensors to the bit."""
    clips = torch.randn(2, 3, ours.num_frames * ours.frames_per_segment, 32, 32)
    with torch.inference_mode():
        logits = expected(clips)
        torch.testing.assert_close(ours(clips), logits, rtol=1e-6, atol=1e-6)
    assert logits.isfinite().all()
    assert logits.std() > 1e-3
    for name, value in expected.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize("name", CASES)
def test_a_published_file_is_the_network_set_by_hand(name, tmp_path):
    case = CASES[name]
    tree, ours, expected = case.tree(), case.network(), case.network()
    assert len(tree.state_dict()) == case.tensors
    file = tmp_path / "file.pth"
    torch.save(case.container(tree), file, _use_new_zipfile_serialization=case.container is openmmlab)  # or the old one
    loaded = dnrlab.load_weights(ours, file)
    assert loaded.source == case.source
    counts = len(loaded.loaded), len(loaded.anew), len(loaded.dropped)
    assert counts == (case.tensors - case.dropped, 0, case.dropped)
    assert set(loaded.loaded) == set(ours.state_dict())
    assert_same(ours, case.by_hand(expected, tree))


def test_what_is_dropped_is_named_as_in_the_file(tmp_path):
    torch.save(trained(TDN.tree()), tmp_path / "tdn.pth")
    loaded = dnrlab.load_weights(TDN.network(), tmp_path / "tdn.pth")
    assert loaded.dropped == ("module.base_model.conv1_temp.weight", "module.base_model.conv1_temp.bias")
    assert str(loaded) == (
        "787 tensors loaded, by the names of TDN's repository; 0 start anew; "
        "2 dropped (module.base_model.conv1_temp (2))"
    )
    torch.save(openmmlab(DNR.tree()), tmp_path / "dnr.pth")
    dropped = dnrlab.load_weights(DNR.network(), tmp_path / "dnr.pth").dropped
    assert all(name.endswith(("bn1.num_batches_tracked", "bn2.num_batches_tracked")) for name in dropped)


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.backbone."])
@pytest.mark.parametrize("name", ["TDN", "DNR", "TAM", "TSM", "MMAction2 TANet"])
def test_a_backbone_alone_leaves_the_classifier(name, prefix, tmp_path):
    case = CASES[name]
    tree, ours, expected = case.tree(), case.network(), case.network()
    backbone = next(tree.children())
    tensors = {f"{prefix}{key}": value for key, value in backbone.state_dict().items()}
    save_file(tensors, tmp_path / "backbone.safetensors")
    before = copy.deepcopy(ours.fc)
    loaded = dnrlab.load_weights(ours, tmp_path / "backbone.safetensors")
    assert loaded.anew == ("fc.weight", "fc.bias")
    case.by_hand(expected, tree).fc.load_state_dict(before.state_dict())
    for key, value in expected.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("family", ["tsn", "tsm"])
def test_torchvisions_resnets_load_as_they_are(family, depth, tmp_path):
    guard_torchvision()
    import torchvision

    theirs = checkpoints.at_random(getattr(torchvision.models, f"resnet{depth}")(num_classes=5)).eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet.pth")
    ours = network(f"{family}_resnet{depth}", width=64)
    loaded = dnrlab.load_weights(ours, tmp_path / "resnet.pth")
    assert (len(loaded.loaded), loaded.anew, loaded.dropped) == ({18: 122, 50: 320}[depth], (), ())
    picture = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        if family == "tsn":
            expected = theirs(picture)
            torch.testing.assert_close(ours(picture[:, :, None]), expected, rtol=1e-5, atol=1e-6 * expected.abs().max())
    assert all(torch.equal(ours.state_dict()[name], value) for name, value in theirs.state_dict().items())


@pytest.mark.parametrize("name", ["r3d_18", "mc3_18", "r2plus1d_18"])
def test_torchvisions_video_networks_load_as_they_are(name, tmp_path):
    guard_torchvision()
    import torchvision

    theirs = checkpoints.at_random(getattr(torchvision.models.video, name)(num_classes=5)).eval()
    torch.save(theirs.state_dict(), tmp_path / "video.pth")
    ours = network(name, width=64)
    loaded = dnrlab.load_weights(ours, tmp_path / "video.pth")
    assert (len(loaded.loaded), loaded.anew, loaded.dropped) == (len(theirs.state_dict()), (), ())
    clips = torch.randn(1, 3, 4, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(ours(clips), theirs(clips), rtol=1e-6, atol=1e-6)
