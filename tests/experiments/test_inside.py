"""What notebooks 03 and 04 measured after the runs of a batch, gathered by notebooks/results/inside.py."""

import json
import runpy

import pandas as pd
import pytest

from dnrlab.explain.cam.survey import BLOB
from tests.helpers.paths import PROJECT


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(PROJECT / "notebooks" / "results" / "inside.py"))


def by_measure(rows):
    return {(row["network"], row["measure"]): (row["mean"], row["videos"], row["repeat"]) for row in rows}


def test_maps_on_objects_are_averaged_over_the_videos_of_each_network_and_control(script, tmp_path):
    networks = ["bn_seed3", "bn_seed3, random weights", "both_seed3", BLOB]
    rows = [(name, 0.2 * place + 0.1 * video, 1.0, 0.5) for place, name in enumerate(networks) for video in (0, 1)]
    table = pd.DataFrame(rows, columns=["network", "share", "pointing", "steadiness"])
    table.assign(path="/at/synthetic/test/up/a.mp4").to_csv(tmp_path / "localisation_videos.csv", index=False)
    maps = script["maps_of"](tmp_path, "synthetic")
    assert set(maps["path"]) == {"test/up/a.mp4"}
    given = {"manifest": "synthetic", "layer": "layer1", "runs": ["{out}/bn_seed3", "{out}/both_seed3"]}
    found = list(script["of_heat"](given, maps))
    means = by_measure(found)
    for place, name in enumerate(["bn", "random weights", "both", BLOB]):
        assert means[name, "share"] == (pytest.approx(0.2 * place + 0.05), 2, 3)
    assert {(row["dataset"], row["layer"]) for row in found} == {("synthetic", "layer1")}
    with pytest.raises(ValueError, match="expected runs named variant_seedN or variant_foldN, got 'uni_2_seed0'"):
        list(script["of_heat"](given, maps.assign(network="uni_2_seed0")))


def test_without_objects_random_maps_are_subtracted(script, tmp_path):
    columns = {"deletion": 0.3, "random_deletion": 0.5, "insertion": 0.7, "random_insertion": 0.6}
    row = {"path": "/at/egogestar10/clips/a.mp4", "network": "relay_fold1", **columns}
    pd.DataFrame([row]).to_csv(tmp_path / "faithfulness_videos.csv", index=False)
    given = {"manifest": "data/egogestar10/manifest.csv", "runs": ["{out}/relay_fold1"]}
    means = by_measure(script["of_heat"](given, script["maps_of"](tmp_path, given["manifest"])))
    assert means["relay", "deletion"] == (pytest.approx(-0.2), 1, 1)
    assert means["relay", "insertion"] == (pytest.approx(0.1), 1, 1)


def test_rows_of_a_batch_replace_its_earlier_ones_and_leave_the_others(script, tmp_path):
    for grid, value in (("a", 1), ("b", 2), ("a", 3)):
        script["add"](tmp_path / "heat.csv", [{"grid": grid, "mean": value}])
    assert pd.read_csv(tmp_path / "heat.csv").to_dict("list") == {"grid": ["b", "a"], "mean": [2, 3]}


def test_cuts_and_the_probes_of_the_first_the_last_and_all_layers_are_gathered(script, tmp_path):
    predicted = {"label": ["up", "up"], "none": ["up", "up"], "over time": ["up", "down"]}
    videos = pd.DataFrame({"path": ["/at/synthetic/a.mp4", "/at/synthetic/b.mp4"], "source": "s", **predicted})
    videos.to_csv(tmp_path / "relay_cut_videos.csv", index=False)
    cuts = script["cuts_of"](tmp_path, "synthetic")
    assert cuts.to_dict("list") == {"path": ["a.mp4", "b.mp4"], **predicted}
    layers = ["layer1.0.bn1", "layer2.0.bn1", "layer4.1.bn1", "all"]
    labels = ["true", "true", "shuffled", "true"]
    kinds = ["cross_layer", "cross_layer", "cross_layer", "all"]
    probes = list(zip(layers, kinds, labels, [0, 0.1, 0.2, 0.3], strict=True))
    table = pd.DataFrame(probes, columns=["layer", "kind", "labels", "mean"]).assign(n=300)
    means = by_measure(script["of_dynamics"]({"manifest": "synthetic", "run_dir": "{out}/relay_seed2"}, cuts, table))
    assert means["relay", "relay over time cut"] == (0.5, 2, 2)
    assert means["relay", "whole relay"] == (1, 2, 2)
    probed = {measure: mean for (_, measure), (mean, *_) in means.items() if measure.startswith("probe")}
    names = ["layer1.0.bn1 over layers", "layer4.1.bn1 over layers, shuffled labels", "all layers"]
    assert probed == pytest.approx(
        {f"probe of {name}": value for name, value in zip(names, (0, 0.2, 0.3), strict=True)}
    )


def test_only_finished_notebooks_count(script, tmp_path):
    (tmp_path / "after").mkdir()
    for name, state in (("03_gradcam", "done"), ("04_affine_dynamics", "failed")):
        step = {"state": state, "parameters": {"out_dir": str(tmp_path / name)}}
        (tmp_path / "after" / f"{name}.state.json").write_text(json.dumps(step))
    assert [folder.name for *_, folder in script["done_notebooks"](tmp_path)] == ["03_gradcam"]
