"""The tables of notebooks/results, on made-up predictions."""

import runpy

import pandas as pd
import pytest

from dnrlab.evaluation.intervals import group_difference
from tests.helpers.paths import PROJECT

FOLDER = PROJECT / "notebooks" / "results"
LABELS = ["left", "up", "nearer", "clockwise", "appears"]


def videos_of(right, **names):
    """Predictions of runs, five videos each: ``right`` has for each case and seed how many of the first are right."""
    rows = [
        {"case": case, "seed": seed, "path": label, "label": label, "right": float(place < count)}
        for (case, seed), count in right.items()
        for place, label in enumerate(LABELS)
    ]
    table = pd.DataFrame(rows).assign(dataset="synthetic", network="n", pixels=8, width=8, fold="", grid="g")
    table = table.assign(run=table["case"] + "_seed" + table["seed"].astype(str), source=table["path"])
    return table.assign(**names)


def cells(lines):
    """The rows of a Markdown table by their first cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {row[0]: row[1:] for row in rows}


def test_parts_and_what_each_changes():
    script = runpy.run_path(str(FOLDER / "tables_parts.py"))
    videos = videos_of({("uni_4", 0): 3, ("uni_4", 1): 3, ("bi_4", 0): 4, ("bi_4", 1): 4})
    shown = cells(script["by_case"](videos, script["CASES"]))
    assert list(shown) == [script["CASES"][name] for name in ("uni_4", "bi_4")]
    assert shown["over time only, groups of 4"] == ["0.600", "1.00", "1.00", "1.00", "0.00", "0.00"]
    (change,) = cells(script["changes"](videos)).items()
    assert change == ("both ways, groups of 4", ["-0.006", "+0.200", ""])  # equal in all runs: no interval


def test_reasons_are_compared_with_the_chosen_settings_on_the_same_seeds():
    script = runpy.run_path(str(FOLDER / "tables_parts.py"))
    counts = {"gamma_quarter": (3, 3), "longer_lr0.1": (4, 5), "lr0.1_epochs4_relay": (0, 0)}
    videos = videos_of({(case, seed): counts[case][seed] for case in counts for seed in (0, 1)})
    chosen, longer = script["reasons"](videos)[2:]  # other choices are not shown
    assert chosen.split(" | ")[2:] == ["0.600", "2 seeds", "0.00", " |"]
    assert "| 1.00 | +0.300 [" in longer


def test_each_seed_of_a_start_is_shown_and_what_another_place_changes():
    script = runpy.run_path(str(FOLDER / "tables_parts.py"))
    counts = {("demo", 0): 4, ("demo", 1): 1, ("demo_lr0.03", 0): 3, ("demo_lr0.03", 1): 4, ("longer", 0): 5}
    counts |= {("lr0.03_second_norm", 0): 2, ("lr0.03_second_norm", 1): 3}
    words = {name: text for name, text in script["STARTS"].items() if (name, 0) in counts}
    script["starts"].__globals__.update(STARTS=words, PLACES=("lr0.03_second_norm",))
    shown = cells(script["starts"](videos_of(counts)))
    assert shown == {
        words["demo"]: ["0.80", "0.20", ""],
        words["demo_lr0.03"]: ["0.60", "0.80", ""],
        words["lr0.03_second_norm"]: ["0.40", "0.60", "-0.200"],
    }


def test_tsm_with_dnr_is_tsn_with_dnr(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    script = runpy.run_path(str(FOLDER / "tables_others.py"))
    cases = {"bn": 2, "tsn_dnr": 5, "tsm_bn": 4, "tanet_bn": 3, "tanet_dnr": 4, "tdn_bn": 4, "tdn_dnr": 3}
    videos = videos_of({(case, seed): count for case, count in cases.items() for seed in (0, 1)})
    videos["network"] = videos["case"].str.split("_").str[0]
    gains = {name: row[3].split()[0] for name, row in cells(script["families"](videos)).items()}
    assert gains == {"TSN": "+0.600", "TSM": "+0.200", "TANet": "+0.200", "TDN": "-0.200"}


def test_batch_sizes_show_what_is_there(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    script = runpy.run_path(str(FOLDER / "tables_others.py"))
    cases = {"bn_batch2": 2, "dnr_batch2": 3, "bn_batch16": 4, "gn_batch16": 1, "dnr_batch16": 5}
    videos = videos_of({(case, seed): count for case, count in cases.items() for seed in (0, 1)})
    shown = cells(script["batch_sizes"](videos.assign(batch_size=videos["case"].str.extract(r"(\d+)")[0].astype(int))))
    assert list(shown) == ["2", "16"]
    assert shown["2"][1] == shown["2"][-2] == ""
    assert [cell.split(" ")[0] for cell in shown["16"][-3:]] == ["+0.200", "+0.800", ""]


@pytest.mark.parametrize("control", [False, True])
def test_heat_is_averaged_over_the_networks_of_a_repeat_first(control):
    script = runpy.run_path(str(FOLDER / "tables_inside.py"))
    name = "random weights" if control else "bn"
    values = [(name, 0, 0.2), (name, 0, 0.4), (name, 1, 0.5)]
    table = pd.DataFrame(values, columns=["network", "repeat", "mean"]).assign(dataset="d", layer="l", measure="share")
    (row,) = script["heat"](table)[2:]
    assert "0.400 [" in row  # of 0.3 and 0.5


def test_the_heat_of_networks_of_one_repeat_is_compared():
    script = runpy.run_path(str(FOLDER / "tables_inside.py"))
    values = [("bn", 0, 0.2), ("bn", 1, 0.4), ("relay", 1, 0.5), ("relay", 0, 0.4), ("both", 0, 0.9)]
    table = pd.DataFrame(values, columns=["network", "repeat", "mean"]).assign(dataset="d", layer="l", measure="share")
    (row,) = script["heat_gains"](pd.concat([table, table[:2].assign(network="interlaced")]))[2:]
    assert row.startswith("| d | l | share | +0.700 | +0.150 [")  # 0.9 - 0.2; and the mean of 0.2 and 0.1
    assert row.endswith("| +0.700 |")  # of 0.7 alone


def test_cuts_are_compared_with_the_whole_relay_of_the_same_network():
    script = runpy.run_path(str(FOLDER / "tables_inside.py"))
    values = [("whole relay", 0, 0.9), ("relay cut", 0, 0.5), ("whole relay", 1, 0.7), ("relay cut", 1, 0.4)]
    values += [("probe of all layers", 0, 0.1)]
    table = pd.DataFrame(values, columns=["measure", "repeat", "mean"]).assign(dataset="d", network="relay")
    (row,) = script["cuts"](table)[2:]
    assert row.startswith("| d | relay cut | -0.350 [")
    assert row.endswith(" |  |")


def test_objects_of_hard_videos_are_shown_in_thirds():
    script = runpy.run_path(str(FOLDER / "tables_runs.py"))
    objects = pd.DataFrame({"path": LABELS, "size": range(5), "speed": range(5), "contrast": range(5, 0, -1)})
    script["by_object"].__globals__["objects_of"] = lambda *_: objects
    counts = {"bn": 2, "relay": 4}
    videos = videos_of({(name, 0): count for name, count in counts.items()}, dataset="synthetic_hard")
    videos = videos.assign(variant=videos["case"], network="tsn_resnet18", label="left")
    shown = cells(script["by_object"](videos))
    assert list(shown) == [
        f"{quantity}: {third}"
        for quantity, means in {"size": (0.5, 2, 3.5), "speed": (0.5, 2, 3.5), "contrast": (1.5, 3, 4.5)}.items()
        for third in (
            *(f"{words} third, mean {mean:.2f}" for words, mean in zip(script["THIRDS"], means, strict=True)),
            "lowest − highest",
        )
    ]
    assert shown["size: highest third, mean 3.50"] == ["2", "0.000", "", "0.500", "", *[""] * 3, "+0.500", ""]
    assert shown["size: lowest − highest"] == [*[""] * 8, "-0.500", ""]
    script["by_object"].__globals__["objects_of"] = lambda *_: objects[:4]
    with pytest.raises(ValueError, match="expected 10 videos of synthetic_hard, got 8 with objects; archive it again"):
        script["by_object"](videos)


def test_thirds_have_equal_numbers_of_each_motion_and_their_gap_is_over_scenes():
    script = runpy.run_path(str(FOLDER / "tables_runs.py"))
    places = [(label, scene) for label in ("left", "up") for scene in range(30)]
    paths = [f"{label}{scene}" for label, scene in places]
    sizes = [scene + 100 * (label == "up") for label, scene in places]  # all of one motion are smaller
    objects = pd.DataFrame({"path": paths, "size": sizes, "speed": sizes, "contrast": sizes})
    script["by_object"].__globals__["objects_of"] = lambda *_: objects
    runs = [("bn", 0), ("bn", 1), ("relay", 1)]  # seed 0 has no partner
    right = {"bn": lambda _: 0.0, "relay": lambda scene: float(scene < 10 and scene % 3 > 0)}
    rows = [
        {"variant": variant, "seed": seed, "path": path, "label": label, "source": f"scene{scene % 15}"}
        | {"right": 1.0 if seed == 0 else right[variant](scene)}
        for variant, seed in runs
        for path, (label, scene) in zip(paths, places, strict=True)
    ]
    videos = pd.DataFrame(rows).assign(dataset="synthetic_hard", network="tsn_resnet18", pixels=8, width=8, fold="")
    videos = videos.assign(grid="g", run=videos["variant"] + "_seed" + videos["seed"].astype(str))
    shown = cells(script["by_object"](videos))
    assert shown["size: lowest third, mean 54.50"][0] == "20"  # ten of each motion: 0 to 9 and 100 to 109
    scenes = [*range(10), *range(20, 30)] * 2
    gains, first = [right["relay"](scene) for scene in scenes], [scene < 10 for scene in scenes]
    expected = group_difference(gains, first, [scene % 15 for scene in scenes])
    assert expected.low < expected.mean == pytest.approx(0.6)
    column = list(script["ADDED"].values()).index("relay, alone") - len(script["ADDED"])
    gap = f"{expected.mean:+.3f} [{expected.low:+.3f}, {expected.high:+.3f}]"
    assert shown["size: lowest − highest"][column] == gap
    assert gap != f"{expected.mean:+.3f} [{group_difference(gains, first).low:+.3f}, {expected.high:+.3f}]"
