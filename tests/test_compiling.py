"""Compiling without changing anything: steps, scores, random numbers, resumed runs, and where it fails."""

import copy
import logging

import pytest
import torch
import torch._dynamo
from torch import nn

from dnrlab import DNRConfig, compiling, create_model
from dnrlab.compiling import LONG_STEPS, compiled, how_to_compile
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.device import Runtime
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.models import create
from dnrlab.models.blocks import Bottleneck
from dnrlab.runs.load import load_run
from dnrlab.training.loop import NetworkLoss, training_step
from dnrlab.training.train import train
from tests.helpers.trainings import interrupt, same, tiny, weights

DNR = DNRConfig(relay_distance=2)


@pytest.fixture(autouse=True)
def _traced(monkeypatch):
    """``default`` traces whole graphs and runs them; generating code would take minutes. Networks are shallow."""
    monkeypatch.setitem(compiling.SETTINGS, "default", {"backend": "aot_eager"})
    monkeypatch.setitem(create.RESNETS, 14, (Bottleneck, (1, 1, 1, 1)))
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


def graphs():
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "name", ["tsn_resnet14", *(pytest.param(name, marks=SLOW) for name in ("tanet_resnet14", "tdn_resnet14"))]
)
def test_twenty_steps_are_those_of_the_network_without_compiling(name):
    """Losses, weights and running statistics, by one graph that is compiled once; the warm-up leaves nothing."""
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, num_frames=4, width=8 if "tdn" not in name else 16, dnr=DNR).double()
    clips = torch.rand(20, 2, 3, 4 * getattr(model, "frames_per_segment", 1), 32, 32, dtype=torch.float64)
    labels, start = torch.tensor([0, 1]), copy.deepcopy(model.state_dict())
    networks = [NetworkLoss(copy.deepcopy(model)), NetworkLoss(model)]
    state = torch.get_rng_state()
    networks[1].compile_for(clips[0], labels, "default")
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, start[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    optimizers = [torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9) for network in networks]
    for number, batch in enumerate(clips):
        found = []
        for network, optimizer in zip(networks, optimizers, strict=True):
            torch.manual_seed(number)  # of dropout
            found.append(training_step(network.train(), optimizer, batch, labels, clip_norm=5.0))
        torch.testing.assert_close(found[1], found[0], rtol=1e-6, atol=1e-8)
    for key, value in networks[0].state_dict().items():
        torch.testing.assert_close(networks[1].state_dict()[key], value, rtol=1e-6, atol=1e-8, msg=key)
    assert graphs() == 1
    assert not torch._dynamo.utils.counters["graph_break"]


def test_gradients_that_are_there_before_stay():
    model = create_model("tsn_resnet14", num_classes=3, num_frames=4, width=8, dnr=DNR)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    NetworkLoss(model).compile_for(torch.rand(2, 3, 4, 32, 32), torch.tensor([0, 1]), "default")
    assert all((parameter.grad == 2).all() for parameter in model.parameters())


def test_where_compiling_is_required_its_failure_is_an_error(monkeypatch):
    monkeypatch.setitem(compiling.SETTINGS, "default", {"backend": "no_such_backend"})
    model = nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match=r"expected a layer to be compiled, got: .*no_such_backend"):
        compiled(model, [torch.rand(1, 2)], "default", model=model, name="a layer", required=True)


def test_a_smaller_batch_is_computed_without_compiling():
    model = create_model("tsn_resnet14", num_classes=3, num_frames=4, width=8, dnr=DNR, dropout=0.0).double()
    network, clips, labels = NetworkLoss(model), torch.rand(3, 3, 4, 32, 32).double(), torch.tensor([0, 1, 2])
    alone = NetworkLoss(copy.deepcopy(model))
    network.compile_for(clips, labels, "default")
    torch.testing.assert_close(network(clips[:2], labels[:2]), alone(clips[:2], labels[:2]), rtol=0, atol=0)
    assert graphs() == 1


def test_scores_are_those_of_the_network_without_compiling(synthetic, caplog):
    """The last batch is filled up and its own scores are returned; nothing is compiled again for it."""
    torch.manual_seed(0)
    videos, data = select(read_manifest(synthetic), "val"), tiny().data
    model = create_model("tsn_resnet14", num_classes=len(videos.classes), num_frames=4, width=8, dnr=DNR)
    views = EvalConfig(num_clips=2, num_crops=3, batch_size=4)
    with caplog.at_level(logging.INFO):
        plain, fast = (
            evaluate(model, videos, data, views, reader=READER, runtime=Runtime(compile=how)).videos
            for how in ("off", "default")
        )
    numbers = [name for name in plain if name.startswith("score:")]
    torch.testing.assert_close(torch.tensor(fast[numbers].to_numpy()), torch.tensor(plain[numbers].to_numpy()))
    assert "compiled the network (default) for inputs [(4, 3, 4, 16, 16)] in" in caplog.text
    assert graphs() == 1


@pytest.mark.slow
def test_a_compiled_run_that_was_stopped_ends_as_one_that_was_not(synthetic, tmp_path, monkeypatch, caplog):
    recipe, runtime = (
        tiny(epochs=2, name="tsn_resnet14", width=8, checkpoint_every=2, batch_size=16),
        Runtime(compile="default"),
    )
    manifest = read_manifest(synthetic)
    with caplog.at_level(logging.INFO):
        train(recipe, manifest, tmp_path / "whole", runtime)
    assert "compiled the training step (default) for inputs [(16, 3, 4, 16, 16), (16,)] in" in caplog.text
    assert "compiled the training step" in (tmp_path / "whole" / "log.txt").read_text()
    with monkeypatch.context() as patch:
        interrupt(patch, call=2)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, manifest, tmp_path / "stopped", runtime)
    train(recipe, manifest, tmp_path / "stopped", runtime)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "stopped"))
    assert load_run(tmp_path / "whole").recipe == recipe  # how it was computed is no setting of the run


@pytest.mark.parametrize(
    ("compile", "device", "steps", "expected"),
    [
        ("auto", "cpu", 10**9, "off"),
        ("auto", "cuda", LONG_STEPS - 1, "off"),
        ("auto", "cuda:1", LONG_STEPS, "graphs"),
        ("off", "cuda", 10**9, "off"),
        ("graphs", "cuda", 1, "graphs"),
        ("graphs", "cpu", 1, "default"),
        ("default", "cpu", 1, "default"),
    ],
)
def test_when_to_compile(compile, device, steps, expected):
    assert how_to_compile(compile, device, steps) == expected


def test_without_a_compiler_one_sentence_says_so(caplog, monkeypatch):
    def broken(graph, inputs):
        raise OSError("no C++ compiler here\nand much more")

    monkeypatch.setitem(compiling.SETTINGS, "default", {"backend": broken})
    double = compiled(lambda x: 2 * x, [torch.ones(2)], "default", model=nn.Identity(), name="doubling")
    assert double(torch.ones(2)).tolist() == [2, 2]
    (record,) = (each for each in caplog.records if each.name == "dnrlab")
    assert record.levelname == "WARNING"
    assert record.message.startswith("doubling runs without compiling, since that failed:")
    assert "no C++ compiler here" in record.message
    assert "much more" not in record.message


def test_a_network_that_cannot_be_traced_runs_without_compiling(caplog):
    def looks_at_values(x):
        return x if x.sum() > 0 else -x

    run = compiled(looks_at_values, [torch.ones(2)], "default", model=nn.Identity(), name="it")
    assert run(-torch.ones(2)).tolist() == [1, 1]
    assert "it runs without compiling, since that failed" in caplog.text


def test_unknown_choices_are_named():
    with pytest.raises(ValueError, match=r"expected compile in \('auto', 'off', 'default', 'graphs'\), got 'fast'"):
        Runtime(compile="fast")
