"""A forward pass leaves nothing behind: it can be repeated, checkpointed, exported, compiled, and run in threads."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from dnrlab import DNRConfig, create_model
from dnrlab.models.blocks import BasicBlock
from dnrlab.models.create import RESNETS

FAMILIES = ["tsn_resnet18", "tsm_resnet18", "tanet_resnet18", "tdn_resnet18"]
ONE_FAST = [FAMILIES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES[1:])]
EVERY_OPTION = DNRConfig(relay_distance=2, direction="bi", depth=2, standardization="batch", statistics="clip")


def small(name="tsn_resnet50", dnr=None, interlacing=None, **changes):
    settings = {"num_classes": 5, "num_frames": 4, "width": 8, "dnr": dnr, "interlacing": interlacing, "dropout": 0.0}
    return create_model(name, **(settings | changes))


def test_nothing_of_a_forward_pass_stays_on_the_model():
    model = small(dnr=DNRConfig(relay_distance=2))
    first, second = torch.randn(2, 2, 3, 4, 32, 32).unbind()
    twin = copy.deepcopy(model)
    (model(first).sum() + model(second).sum()).backward()  # two forwards before one backward
    twin(first).sum().backward()
    twin(second).sum().backward()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_activation_checkpointing_gives_the_same_gradients():
    model = small(dnr=DNRConfig(relay_distance=2)).double()
    twin, clips = copy.deepcopy(model), torch.randn(2, 3, 4, 32, 32, dtype=torch.float64)
    model(clips).sum().backward()
    checkpoint(twin, clips, use_reentrant=False).sum().backward()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(theirs.grad, ours.grad, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ONE_FAST)
def test_export_gives_the_same_logits(name, monkeypatch):
    monkeypatch.setitem(RESNETS, 18, (BasicBlock, (2, 1, 1, 1)))
    model = small(name, EVERY_OPTION).eval()
    clips = torch.randn(2, 3, 4 * model.frames_per_segment, 32, 32)
    exported = torch.export.export(model, (clips,)).module()
    torch.testing.assert_close(exported(clips), model(clips), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ONE_FAST)
def test_compiling_gives_the_same_logits_in_one_graph(name, monkeypatch):
    monkeypatch.setitem(RESNETS, 18, (BasicBlock, (2, 1, 1, 1)))  # a relay over layers, and every kind of block
    model = small(name, EVERY_OPTION).eval()
    clips = torch.randn(2, 3, 4 * model.frames_per_segment, 32, 32)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():  # gradients, and a graph of torch's own operators: test_compiling_gives_the_same_gradients
        torch.testing.assert_close(compiled(clips), model(clips), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_compiling_gives_the_same_gradients(name, monkeypatch):
    monkeypatch.setitem(RESNETS, 18, (BasicBlock, (2, 1, 1, 1)))
    model = small(name, EVERY_OPTION).train()
    clips = torch.randn(2, 3, 4 * model.frames_per_segment, 32, 32)
    again = copy.deepcopy(model)
    model(clips).square().sum().backward()
    torch.compile(again, backend="aot_eager", fullgraph=True)(clips).square().sum().backward()
    for (name, ours), theirs in zip(model.named_parameters(), again.parameters(), strict=True):
        if ours.grad is not None:
            torch.testing.assert_close(theirs.grad, ours.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_threads_do_not_meet_on_one_model():
    model = small(dnr=DNRConfig(relay_distance=2)).eval()
    clips = torch.randn(6, 1, 3, 4, 32, 32)
    expected = [model(clip) for clip in clips]
    with ThreadPoolExecutor(3) as pool:
        for logits, alone in zip(pool.map(model, clips), expected, strict=True):
            torch.testing.assert_close(logits, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.needs_cuda
def test_gpu_in_bfloat16_stays_near_the_cpu():
    model = small("tsn_resnet18", DNRConfig()).eval()
    clips = torch.randn(2, 3, 4, 32, 32)
    expected = model(clips)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        logits = model.cuda()(clips.cuda())
    torch.testing.assert_close(logits.float().cpu(), expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", ["tsn_resnet18", "tsm_resnet18", "tanet_resnet18", "tdn_resnet18"])
def test_dropout_draws_one_mask_per_clip_in_tsn_and_one_per_frame_elsewhere(name):
    model = create_model(name, num_classes=5, num_frames=4, width=8 if name != "tdn_resnet18" else 16, dropout=0.5)
    model = model.double().train()
    pooled = []
    model.avgpool.register_forward_hook(lambda _, __, output: pooled.append(output.flatten(1)))
    clips = torch.rand(3, 3, 4 * model.frames_per_segment, 32, 32, dtype=torch.float64)
    torch.manual_seed(0)
    found = model(clips)
    frames = pooled[0].unflatten(0, (3, 4))  # (N, T, C)
    torch.manual_seed(0)
    if name == "tsn_resnet18":
        expected = model.fc(torch.dropout(frames.mean(dim=1), 0.5, train=True))
    else:
        masked = torch.dropout(frames.flatten(0, 1), 0.5, train=True).unflatten(0, (3, 4))
        expected = torch.stack([model.fc(masked[:, frame]) for frame in range(4)]).mean(dim=0)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
