"""Several processes: one step among them is one step alone; the dead are replaced; one of them writes."""

import pytest
import torch
from safetensors.torch import load_file

from dnrlab.data.loading import EpochBatches
from dnrlab.data.manifest import read_manifest
from dnrlab.distributed import ALONE, World, all_gather, all_sum, broadcast, join, launch
from dnrlab.relay.functional import pooled_moments
from dnrlab.relay.synchronized import synchronize_statistics
from dnrlab.training.schedule import Plan, make_plan
from dnrlab.training.train import train
from tests.helpers import ranks as tasks
from tests.helpers.trainings import tiny

SIZES = (6, 5)  # clips a step; of the second the two processes have three and two


def test_a_process_by_itself_is_alone():
    with join("cpu") as (world, device):
        assert (world, device) == (ALONE, "cpu")
    assert all_sum(torch.tensor(3.0), ALONE) == 3
    assert all_gather("a", ALONE) == ["a"]
    assert broadcast("a", ALONE) == "a"


def test_two_processes_know_their_places():
    assert launch(tasks.places, 2) == [
        (World(0, 2), "cpu", [2.0, 1.0], [0, 10], 1),
        (World(1, 2), "cpu", [2.0, 1.0], [0, 10], 1),
    ]


def test_moments_of_parts_are_those_of_the_whole():
    values = torch.randn(9, 4, dtype=torch.float64)
    parts = values[:3], values[3:]
    mean, biased = torch.stack([part.mean(0) for part in parts]), torch.stack([part.var(0, False) for part in parts])
    counts = torch.tensor([[3.0], [6.0]]).double()
    found = pooled_moments(mean, biased, counts, lambda parts: parts.sum(0, keepdim=True))
    torch.testing.assert_close(found[0][0], values.mean(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[1][0], values.var(0, correction=0), rtol=1e-12, atol=1e-12)
    assert found[2].item() == 9


def test_every_clip_of_a_batch_goes_to_one_process():
    whole = list(EpochBatches(23, 5, 0, 1))
    parts = [list(EpochBatches(23, 5, 0, 1, World(rank, 2))) for rank in range(2)]
    assert [len(batch) for batch in parts[0]] == [3] * 4
    for batch, first, second in zip(whole, *parts, strict=True):
        assert sorted(batch) == sorted(first + second)


def test_a_plan_stops_at_its_checkpoints_and_at_the_end_of_an_epoch():
    plan = Plan(3, 10, 8, 4)
    assert [plan.stops(step) for step in (0, 10, 15, 18)] == [[4, 8, 10], [14, 18, 20], [18, 20], [20]]
    assert make_plan(tiny().training, 20, 1) == Plan(3, 2, 8, 1000)
    with pytest.raises(
        ValueError, match=r"one clip per step for each of 9 processes, got batches of 8 clips; start fewer"
    ):
        make_plan(tiny().training, 20, 9)


@pytest.fixture(scope="module")
def two():
    """What two processes come to, each with its part of every step."""
    first, second = launch(tasks.all_steps, 2, SIZES)
    for name, (weights, sums) in first.items():
        assert sums == second[name][1]
        assert all(torch.equal(value, second[name][0][key]) for key, value in weights.items())
    return first


@pytest.mark.parametrize("name", tasks.EQUAL)
def test_two_processes_are_one_where_batch_statistics_do_not_enter_or_are_synchronised(two, name):
    weights, sums = tasks.steps(name, SIZES)
    for key, value in weights.items():
        torch.testing.assert_close(two[name][0][key], value, rtol=1e-6, atol=1e-8)
    assert two[name][1].loss == pytest.approx(sums.loss, rel=1e-10)
    assert (two[name][1].clips, two[name][1].steps, two[name][1].correct) == (sums.clips, sums.steps, sums.correct)


def test_two_processes_differ_from_one_where_each_has_statistics_of_its_own(two):
    weights, _ = tasks.steps("own", SIZES)
    found = two["own"][0]
    assert not torch.allclose(found["layer1.0.bn1.running_var"], weights["layer1.0.bn1.running_var"], rtol=1e-3)
    assert not torch.allclose(found["fc.weight"], weights["fc.weight"], rtol=1e-6)


def test_statistics_of_one_process_are_not_synchronised():
    with pytest.raises(ValueError, match="several processes to synchronise, got one; start them with torchrun"):
        synchronize_statistics(torch.nn.BatchNorm2d(2))


@pytest.fixture(scope="module")
def trained_by_two(synthetic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    recipe = tiny(norm="instance", dnr=None, dropout=0.0, checkpoint_every=1)
    return recipe, folder, launch(tasks.train_among, 2, recipe, str(synthetic), folder / "run")


def test_a_training_of_two_processes_is_that_of_one(trained_by_two, synthetic, tmp_path):
    recipe, folder, (first, second) = trained_by_two
    assert first == second
    alone = train(recipe, read_manifest(synthetic), tmp_path)
    assert first == pytest.approx(list(alone["loss"]), rel=1e-3)
    assert {path.name for path in (folder / "run").iterdir()} == {path.name for path in tmp_path.iterdir()}
    assert (folder / "run" / "log.txt").read_text().count("2 batches of 8 from 20 videos, 2 processes, cpu") == 1


@pytest.mark.slow
def test_processes_that_find_different_checkpoints_are_refused(synthetic, tmp_path):
    recipe = tiny(norm="instance", dnr=None, epochs=1)
    train(recipe, read_manifest(synthetic), tmp_path / "1")
    first, second = launch(tasks.apart, 2, recipe, str(synthetic), tmp_path, restarts=0)
    assert "expected all processes to find the same checkpoint in" in first
    assert "got checkpoints of steps [0, 2]; give a run folder that all machines share" in second


def test_a_process_without_a_clip_counts_nothing(two):
    weights, sums = tasks.steps("instance", (1,))
    found, of_two = two["one clip"]
    assert (of_two.clips, of_two.correct) == (1, sums.correct)
    assert of_two.loss == pytest.approx(sums.loss, rel=1e-10)
    for key, value in weights.items():
        torch.testing.assert_close(found[key], value, rtol=1e-6, atol=1e-8)


def test_when_a_process_is_killed_all_go_on_from_the_last_checkpoint(trained_by_two, synthetic):
    recipe, folder, losses = trained_by_two
    again = launch(tasks.train_among, 2, recipe, str(synthetic), folder / "killed", 3)
    assert again == losses
    assert "resumed at step 3 of 6" in (folder / "killed" / "log.txt").read_text()
    ours, theirs = (load_file(folder / name / "best.safetensors") for name in ("killed", "run"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.slow
def test_processes_compile_their_networks_whole():
    """One graph in each process, not one per bucket of gradients; steps as without compiling."""
    for plain, compiled, graphs in launch(tasks.compiled_steps, 2, (4, 4, 4)):
        assert graphs == 1
        for name, value in plain.items():
            torch.testing.assert_close(compiled[name], value, rtol=1e-6, atol=1e-8, msg=name)
