"""Networks with DNR and the rest of PyTorch: checkpointing, autocast, channels-last, other lengths, and export."""

import copy
import re

import onnxruntime
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from dnrlab import DNRConfig, create_model
from dnrlab.models import create
from dnrlab.models.blocks import BasicBlock, Bottleneck
from dnrlab.models.injected import RelayedStage
from dnrlab.models.stages import Stage
from dnrlab.relay import RelayNorm

ONE = (1, 1, 1, 1)  # blocks per stage: the code of all depths, but quick to export
OWN = ["tests.helpers.own_networks:clips", "tests.helpers.own_networks:images"]
NETWORKS = ["tsn_resnet10", "tsm_resnet14", "tanet_resnet10", "tdn_resnet10", *create.PLANS, *OWN]
DNR = DNRConfig(relay_distance=2)


@pytest.fixture(autouse=True)
def _shallow(monkeypatch):
    monkeypatch.setitem(create.RESNETS, 10, (BasicBlock, ONE))
    monkeypatch.setitem(create.RESNETS, 14, (Bottleneck, ONE))
    for name, plan in create.PLANS.items():
        monkeypatch.setitem(create.PLANS, name, plan._replace(depths=ONE))


def network(name, dnr=DNR):
    """A small network with DNR, and clips for it."""
    torch.manual_seed(0)
    width = {} if ":" in name else {"width": 16}
    model = create_model(name, num_classes=5, num_frames=4, dnr=dnr, dropout=0.0, **width)
    return model, torch.rand(2, 3, 4 * getattr(model, "frames_per_segment", 1), 32, 32)


def stages(model):
    return {name: module for name, module in model.named_modules() if isinstance(module, Stage | RelayedStage)}


@pytest.mark.parametrize("name", NETWORKS)
def test_activation_checkpointing(name):
    """Gradients are equal. Running statistics move twice, as those of batch norm do: torch runs each stage twice."""
    model, clips = network(name)
    model, clips = model.double(), clips.double()
    plain, twice = copy.deepcopy(model), copy.deepcopy(model)
    for stage in stages(model).values():
        run = stage.forward
        stage.forward = lambda *inputs, run=run: checkpoint(run, *inputs, use_reentrant=False)
    model(clips).square().sum().backward()
    plain(clips).square().sum().backward()
    for (key, parameter), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, other.grad, rtol=1e-10, atol=1e-10, msg=key)
    for _ in range(2):
        twice(clips)
    buffers = {key for stage in stages(model) for key in model.state_dict() if key.startswith(f"{stage}.")}
    kinds = {type(model.get_submodule(key.rpartition(".")[0])) for key in buffers if "running" in key}
    assert any(issubclass(kind, RelayNorm) for kind in kinds)
    assert any(issubclass(kind, nn.modules.batchnorm._BatchNorm) for kind in kinds)
    for key in buffers:
        if "running" in key:
            torch.testing.assert_close(model.state_dict()[key], twice.state_dict()[key], msg=key)


@pytest.mark.parametrize("name", NETWORKS)
def test_autocast_in_bfloat16(name):
    model, clips = network(name)
    expected = copy.deepcopy(model)(clips)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(clips)
    assert logits.dtype == torch.bfloat16
    assert (logits.float() - expected).abs().max() < 0.1 * expected.std() + 0.05
    logits.float().square().sum().backward()
    # On some processors torch's own 3D convolutions have weight gradients of nan in bfloat16, also without DNR.
    weights = {module.weight for module in model.modules() if isinstance(module, nn.Conv3d)}
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(parameter.grad.isfinite().all() for parameter in {*model.parameters()} - weights)
    assert {each.dtype for each in model.buffers() if each.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("name", NETWORKS)
def test_channels_last(name):
    """Logits are equal, and every stage gives the memory format that it gives without DNR."""
    model, clips = network(name)
    other, plain = copy.deepcopy(model), network(name, dnr=None)[0]
    images = any(isinstance(module, nn.Conv2d) for module in model.modules())
    memory = torch.channels_last if images else torch.channels_last_3d
    inputs = clips.to(memory_format=torch.channels_last_3d)
    found = [formats(copy.deepcopy(each).to(memory_format=memory), inputs, memory) for each in (other, plain)]
    assert found[0] == found[1]
    assert len(found[0]) >= 4
    torch.testing.assert_close(other.to(memory_format=memory)(inputs), model(clips), rtol=1e-3, atol=1e-4)


def formats(model, clips, memory):
    """Whether the output of each stage has a memory format."""
    found, last = [], re.compile(r"(^|\.)layer[1-4]$")
    for name, module in model.named_modules():
        if last.search(name):
            module.register_forward_hook(lambda _, __, out: found.append(out.is_contiguous(memory_format=memory)))
    model(clips)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_another_number_of_frames_in_evaluation(name):
    model, _ = network(name)
    clips = torch.rand(2, 3, 7 * getattr(model, "frames_per_segment", 1), 32, 32)
    fixed = {
        "tanet_resnet10": r"T=4 frames in layer1\.0\.inside, got 7",
        OWN[1]: r"T=4 frames at layer1\.0\.conv1, the",
    }
    if name in fixed:
        with pytest.raises(ValueError, match=fixed[name]):
            model.eval()(clips)
        return
    logits = model.eval()(clips)
    assert logits.shape == (2, 5)
    whole = create_model(name, num_classes=5, num_frames=7, dnr=DNR, **({} if ":" in name else {"width": 16})).eval()
    whole.load_state_dict(model.state_dict())
    torch.testing.assert_close(whole(clips), logits)


@pytest.mark.parametrize("name", NETWORKS)
def test_export(name):
    model, clips = network(name)
    model(clips)  # running statistics unlike those of the start
    expected = model.eval()(clips)
    exported = torch.export.export(model, (clips,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.testing.assert_close(exported.module()(clips), expected)
    more = torch.cat([clips, clips.flip(4)])
    torch.testing.assert_close(exported.module()(more), model(more))


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_onnx(name, tmp_path):
    model, clips = network(name)
    model(clips)
    expected = model.eval()(clips)
    torch.onnx.export(model, (clips,), dynamo=True, verbose=False).save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (logits,) = session.run(None, {session.get_inputs()[0].name: clips.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=0, atol=1e-4)
