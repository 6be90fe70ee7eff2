"""Speeds by hand-made tables and by networks that sleep; sizes to the published digits."""

import time

import pandas as pd
import pytest
import torch
from torch import nn

from dnrlab import DNRConfig, create_model
from dnrlab.bench import BenchConfig, count_costs, machine, measure, measure_costs, noise, speeds
from dnrlab.bench.rounds import circle
from dnrlab.bench.work import Work, prepare, saved_bytes

WORKS = [("eager", "forward"), ("eager", "step"), ("folded", "forward")]
SIZES = {"num_frames": 2, "crop_size": 32, "width": 8, "num_classes": 3}


def sleeper(name, seconds, log):
    """Work on two clips that takes a given time, and notes who had a turn."""

    def run():
        log.append(name)
        time.sleep(seconds)

    return Work(name, "eager", "forward", run, clips=2)


def sleepers(seconds, log):
    return [sleeper(name, each, log) for name, each in seconds.items()]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def taken(**seconds):
    """A table of ``measure`` with these seconds a round by network."""
    memory = {"peak_bytes": 3 * 2**30, "saved_bytes": 2**21}
    rows = [
        {"round": number, "network": name, "treatment": "eager", "task": "forward", "seconds": value, **memory}
        for name, values in seconds.items()
        for number, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_speeds_of_a_table_by_hand():
    table = taken(bn=[1.0, 2.0, 4.0], dnr=[2.0, 2.0, 5.0], control=[1.0, 2.5, 4.0])  # dnr keeps 0.5, 1 and 0.8
    result = speeds(table, {"dnr": "bn", "control": "bn"}, views=30).set_index("network")
    assert list(result["seconds"]) == [2.0, 2.0, 2.5]
    assert result.loc["dnr", "videos_per_second"] == pytest.approx(1 / 60)
    kept = result[["speed_kept", "speed_kept_low", "speed_kept_high"]]
    assert list(kept.loc["dnr"]) == pytest.approx([0.8, 0.65, 0.9])
    assert list(kept.loc["control"]) == pytest.approx([1.0, 0.9, 1.0])
    assert kept.loc["bn"].isna().all()
    assert (result["peak_gib"] == 3).all()
    assert (result["saved_mib"] == 2).all()
    assert list(result["against_eager"]) == pytest.approx([1, 0.8, 1])
    against = result[["against_control", "against_control_low", "against_control_high"]]
    assert list(against.loc["dnr"]) == pytest.approx([0.8, 0.5, 1.25])  # rounds resampled together
    assert list(against.loc["control"]) == [1, 1, 1]
    assert noise(result.reset_index()) == pytest.approx(0.1)


def test_a_ratio_is_taken_within_a_round():
    table = taken(bn=[1.0, 10.0, 100.0], dnr=[2.0, 20.0, 200.0])  # the machine slows down, the ratio stays
    row = speeds(table.sample(frac=1, random_state=0), {"dnr": "bn"}, views=1).set_index("network").loc["dnr"]
    assert (row["speed_kept_low"], row["speed_kept"], row["speed_kept_high"]) == (0.5, 0.5, 0.5)


def test_ratios_are_of_one_treatment_and_of_the_eager_baseline():
    eager = taken(bn=[2.0, 2.0], dnr=[4.0, 4.0])
    folded = taken(bn=[1.0, 1.0], dnr=[1.25, 1.25]).assign(treatment="folded")
    result = speeds(pd.concat([eager, folded]), {"dnr": "bn"}, views=1).set_index(["network", "treatment"])
    assert list(result.loc["dnr", "speed_kept"]) == [0.5, 0.8]
    assert list(result.loc["dnr", "against_eager"]) == [0.5, 1.6]
    assert list(result.loc["bn", "against_eager"]) == [1, 2]


def test_a_network_that_takes_twice_as_long_keeps_half_the_speed():
    works = sleepers({"bn": 0.02, "dnr": 0.04, "control": 0.02}, [])
    table = measure(works, rounds=5, generator=seeded())
    result = speeds(table, {"dnr": "bn", "control": "bn"}, views=30).set_index("network")
    assert 0.01 <= result.loc["bn", "seconds"] < 0.03  # of one of the two clips
    assert result.loc["dnr", "speed_kept"] == pytest.approx(0.5, abs=0.15)
    assert result.loc["control", "speed_kept"] == pytest.approx(1, abs=0.3)
    assert table["peak_bytes"].isna().all()


def test_networks_take_turns_and_the_first_round_does_not_count():
    log, names = [], ["a", "a2", "b", "b2", "control"]
    works = sleepers(dict.fromkeys(names, 0.0), log)
    table = measure(works, rounds=9, generator=seeded())
    rounds = [log[start : start + 5] for start in range(0, len(log), 5)]
    assert len(rounds) == 10
    assert all(sorted(each) == sorted(names) for each in rounds)
    assert len({tuple(each) for each in rounds}) > 3
    turns = table.sort_values(["round", "turn"])
    assert [list(own) for _, own in turns.groupby("round")["network"]] == rounds[1:]
    again = measure(works, rounds=9, generator=seeded())
    assert again["turn"].equals(table["turn"])


def test_neighbours_stay_neighbours_but_at_the_break():
    orders = {"".join("abcd"[i] for i in circle(range(4), seeded(seed))) for seed in range(100)}
    assert orders == {"abcd", "bcda", "cdab", "dabc", "dcba", "adcb", "badc", "cbad"}


@pytest.mark.parametrize(
    ("names", "rounds", "message"),
    [
        (["a"], 0, "expected rounds of at least 1, got 0"),
        ([], 1, "expected one or more works"),
        (["a", "a"], 1, r"each with its own name, got \[\('a', 'eager', 'forward'\), \('a'"),
    ],
)
def test_what_cannot_be_measured_is_named(names, rounds, message):
    with pytest.raises(ValueError, match=message):
        measure([sleeper(name, 0, []) for name in names], rounds=rounds, generator=seeded())


def test_treatments_and_tasks_that_do_not_exist_are_named():
    with pytest.raises(ValueError, match=r"expected a treatment in .*forward passes only, got folded and step"):
        prepare("a", nn.Identity(), torch.zeros(1), "folded", "step")
    with pytest.raises(ValueError, match=r"expected treatments in \('eager', .*each once, got \('slow',\)"):
        BenchConfig(treatments=("slow",))
    with pytest.raises(ValueError, match=r"expected tasks in .*each once, got \('step', 'step'\)"):
        BenchConfig(tasks=("step", "step"))


@pytest.mark.parametrize("name", ["tsn_resnet50", "tsm_resnet50", "tanet_resnet50", "tdn_resnet50", "r3d_18"])
def test_dnr_saves_as_much_for_the_backward_pass_as_batch_norm(name):
    saved = []
    for dnr in (None, DNRConfig()):
        model = create_model(name, dnr=dnr, width=32, num_classes=3)
        clips = torch.rand(1, 3, 8 * getattr(model, "frames_per_segment", 1), 64, 64)
        saved.append(prepare(name, model, clips, "eager", "step").saved_bytes)
    assert saved[0] > 1e6
    assert saved[1] / saved[0] < 1.05


def test_saved_bytes_count_each_memory_once():
    x, weight = torch.ones(100, requires_grad=True), nn.Linear(100, 1, bias=False)
    assert saved_bytes(lambda: weight(x * x).sum(), weight) == 800  # x, and x * x for the layer


def test_speeds_name_what_is_missing():
    with pytest.raises(ValueError, match="expected networks of the table, got dnr; choose among bn"):
        speeds(taken(bn=[1.0]), {"dnr": "bn"}, views=30)
    with pytest.raises(ValueError, match="expected views of at least 1, got 0"):
        speeds(taken(bn=[1.0]), {}, views=0)
    with pytest.raises(ValueError, match=r"expected a row 'control', got networks \['bn'\]"):
        noise(speeds(taken(bn=[1.0]), {}, views=1))


def test_sizes_are_those_published():
    names = ["tsn_resnet50", "tsm_resnet50", "tanet_resnet50", "tdn_resnet50"]
    counts = count_costs(names, BenchConfig()).set_index("network")
    assert list(counts.loc[names, "gmacs"].round(4)) == [32.7036, 32.7036, 32.7601, 35.6424]
    assert list(counts.loc[names, "parameters"]) == [24_327_632, 24_327_632, 25_590_320, 24_873_648]
    with_dnr = counts.loc[[f"{name} + DNR" for name in names]]
    assert list(with_dnr["gmacs"].round(4)) == [32.7131, 32.7131, 32.7696, 35.6519]  # 0.0094 more
    assert with_dnr["parameters"].iloc[0] == 28_366_864
    assert list(counts.loc["control"]) == list(counts.loc["tsn_resnet50"])


def test_costs_are_counted_and_measured_for_every_network():
    names, settings = ["tsn_resnet18", "tdn_resnet18"], BenchConfig(rounds=2, batch_size=2, **SIZES)
    costs = measure_costs(names, settings)
    called = ["tsn_resnet18", "tsn_resnet18 + DNR", "tdn_resnet18", "tdn_resnet18 + DNR", "control"]
    per_work = costs.table.groupby(["treatment", "task"])
    assert {key: list(rows["network"]) for key, rows in per_work} == dict.fromkeys(WORKS, called)
    assert all(list(rows["speed_kept"].notna()) == [False, True, False, True, True] for _, rows in per_work)
    assert costs.table["saved_mib"].notna().equals(costs.table["task"] == "step")
    assert costs.table[["seconds", "videos_per_second"]].gt(0).all(axis=None)
    sizes = costs.table.drop_duplicates("network")[["parameters", "gmacs"]].reset_index(drop=True)
    assert sizes.equals(count_costs(names, settings)[["parameters", "gmacs"]])
    assert len(costs.seconds) == 2 * len(called) * len(WORKS)


@pytest.mark.parametrize("names", [[], ["tsn_resnet18", "tsn_resnet18"]])
def test_networks_are_named_once_each(names):
    with pytest.raises(ValueError, match=r"expected names of networks, each once, got \["):
        measure_costs(names, BenchConfig())


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="expected a network's name, got 'tsn_resnet19'; choose one of tsn_resnet18"):
        measure_costs(["tsn_resnet18", "tsn_resnet19"], BenchConfig())


@pytest.mark.parametrize("name", ["rounds", "views", "num_frames", "width", "batch_size"])
def test_numbers_below_one_are_named(name):
    with pytest.raises(ValueError, match=f"expected {name} of at least 1, got 0; the default is"):
        BenchConfig(**{name: 0})


def test_the_machine_is_named():
    here = machine()
    assert here["processor"]
    assert here["threads"] == torch.get_num_threads()
    assert here["torch"] == torch.__version__


@pytest.mark.needs_cuda
def test_a_gpu_is_waited_for_and_its_memory_counted():
    costs = measure_costs(["tsn_resnet18"], BenchConfig(rounds=2, **SIZES), device="cuda")
    weights = 4 * costs.table["parameters"] / 2**30
    assert (costs.table["peak_gib"] > weights).all()
    assert (costs.table["peak_gib"] < weights + 0.2).all()
    assert machine("cuda")["processor"] == torch.cuda.get_device_name()
