"""The tables of notebooks/results, on made-up predictions."""

import runpy

import pandas as pd
import pytest

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
    shown = cells(script["parts"](videos))
    assert list(shown) == [script["CASES"][name] for name in ("uni_4", "bi_4")]
    assert shown["over time only, groups of 4"] == ["0.600 [0.600, 0.600]", "1.00", "1.00", "1.00", "0.00", "0.00"]
    (change,) = cells(script["questions"](videos)).items()
    assert change == ("both ways, groups of 4", ["-0.006", "+0.200 [+0.200, +0.200]", "0.000"])


def test_reasons_are_compared_with_the_chosen_settings_on_the_same_seeds():
    script = runpy.run_path(str(FOLDER / "tables_parts.py"))
    videos = videos_of({("chosen", 0): 3, ("chosen", 1): 3, ("longer_lr0.1", 0): 4, ("longer_lr0.1", 1): 5})
    chosen, longer = script["reasons"](videos)[2:]
    assert chosen.split(" | ")[2:] == ["0.600 [0.600, 0.600]", "2 seeds", "0.00", " |"]
    assert "| 1.00 | +0.300 [" in longer


def test_tsm_with_dnr_is_tsn_with_dnr():
    script = runpy.run_path(str(FOLDER / "tables_others.py"))
    cases = {"bn": 2, "tsn_dnr": 5, "tsm_bn": 4, "tanet_bn": 3, "tanet_dnr": 4, "tdn_bn": 4, "tdn_dnr": 3}
    videos = videos_of({(case, seed): count for case, count in cases.items() for seed in (0, 1)})
    videos["network"] = videos["case"].str.split("_").str[0]
    gains = {name: row[3].split()[0] for name, row in cells(script["families"](videos)).items()}
    assert gains == {"TSN": "+0.600", "TSM": "+0.200", "TANet": "+0.200", "TDN": "-0.200"}


def test_batch_sizes_show_what_is_there():
    script = runpy.run_path(str(FOLDER / "tables_others.py"))
    cases = {"bn_batch2": 2, "dnr_batch2": 3, "bn_batch16": 4, "gn_batch16": 1, "dnr_batch16": 5}
    videos = videos_of({(case, seed): count for case, count in cases.items() for seed in (0, 1)})
    shown = cells(script["batch_sizes"](videos.assign(batch_size=videos["case"].str.extract(r"(\d+)")[0].astype(int))))
    assert list(shown) == ["2", "16"]
    assert shown["2"][1] == shown["2"][-1] == ""
    assert [cell.split()[0] for cell in shown["16"][-2:]] == ["+0.200", "+0.800"]


@pytest.mark.parametrize("control", [False, True])
def test_heat_is_averaged_over_the_networks_of_a_repeat_first(control):
    script = runpy.run_path(str(FOLDER / "tables_inside.py"))
    name = "random weights" if control else "bn"
    values = [(name, 0, 0.2), (name, 0, 0.4), (name, 1, 0.5)]
    table = pd.DataFrame(values, columns=["network", "repeat", "mean"]).assign(dataset="d", layer="l", measure="share")
    (row,) = script["heat"](table)[2:]
    assert "0.400 [" in row  # of 0.3 and 0.5
