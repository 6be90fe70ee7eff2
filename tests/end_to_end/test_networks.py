"""Every family of networks, plain and with DNR, from training to heat maps and timelines."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dnrlab import DNRConfig, create_model
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.data.transforms import evaluation_clips, to_unit
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.explain import record_dynamics
from dnrlab.explain.affine.timeline import timeline
from dnrlab.explain.cam.heatmaps import explain_clips
from dnrlab.explain.clips import clip_for, same_clips, view_clip
from dnrlab.recipes.config import recipe_to_dict
from dnrlab.recipes.named import demo, override
from dnrlab.runs.load import load_run
from dnrlab.training.train import train
from tests.helpers.networks import made
from tests.helpers.notebooks import execute

INSIDE = {"probe.png", "relay_cut.png"}  # and no variance: the split has one video of each class


@pytest.mark.parametrize("dnr", [None, DNRConfig(relay_distance=2)], ids=["bn", "dnr"])
@pytest.mark.parametrize("name", ["tsm_resnet18", "tanet_resnet18", "tdn_resnet18", "r3d_18"])
def test_a_family_trains_and_is_looked_into(name, dnr, synthetic, tmp_path):
    settings = {"epochs": 1, "batch_size": 10, "crop_size": 32, "short_side": 36, "num_frames": 4}
    recipe = override(demo(), name=name, dnr=dnr, **settings)
    manifest = read_manifest(synthetic)
    history = train(recipe, manifest, tmp_path)
    assert history["loss"].notna().all()
    run, videos = load_run(tmp_path), select(manifest, "test")
    assert run.recipe == recipe
    predictions = evaluate(run.model, videos, run.recipe.data, EvalConfig(num_clips=2), reader=READER)
    assert len(predictions.videos) == 10
    view = view_clip(videos, 0, run.recipe.data)
    neighbours = 5 if name.startswith("tdn") else 1
    assert view.clip.shape == (3, 4 * neighbours, 32, 32)
    (explained,) = explain_clips(run, [view], layer="layer2")
    assert explained.heat.shape == (4, 32, 32)
    assert len(view.frames) == len(view.frame_indices) == 4
    if dnr is not None:
        line = timeline(run, videos, 0)
        assert line.table["seconds"].nunique() >= 8


OWN = "tests.helpers.own_networks:images"
MORE = [
    pytest.param(name, marks=pytest.mark.extended) for name in ("tsm_resnet18", "tanet_resnet18", "slowonly_resnet50")
]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tdn_resnet18", "r2plus1d_18", OWN, *MORE])  # those that differ most
def test_every_notebook_takes_the_name(name, synthetic, tmp_path):
    shared, run_dir = {"manifest": str(synthetic)}, str(tmp_path / "run")
    tiny = {"short_side": 36, "crop_size": 32, "num_frames": 4, "epochs": 1, "batch_size": 10, "cache_dir": ""}
    execute("01_train", shared | tiny | {"model": name, "run_dir": run_dir, "dnr_settings": {"direction": "bi"}})
    execute("02_evaluate", shared | {"run_dir": run_dir, "cache_dir": ""})
    look = shared | {"num_videos": 1, "out_dir": str(tmp_path / "figures")}
    execute("03_gradcam", look | {"runs": [run_dir], "num_forgetting": 2})
    execute("04_affine_dynamics", look | {"run_dir": run_dir})
    own = {"runs": [run_dir], "out_dir": str(tmp_path / "orders")}
    execute("07_reversal", shared | own)
    assert (tmp_path / "orders" / "reversal.png").is_file()
    rows = read_manifest(synthetic).rows.query("split == 'test'")
    rows.to_csv(tmp_path / "elsewhere.csv", index=False)  # no boxes.csv beside it
    faithful = {"manifest": str(tmp_path / "elsewhere.csv"), "num_videos": 1, "max_videos": 10, "num_forgetting": 1}
    execute("03_gradcam", faithful | {"runs": [run_dir], "out_dir": str(tmp_path / "faithful")})
    assert (tmp_path / "faithful" / "faithfulness.csv").is_file()
    assert load_run(run_dir).recipe.model.dnr == DNRConfig(direction="bi")
    names = {path.name for path in (tmp_path / "figures").glob("*.png")}
    drawn = {f"{kind}_0_appears.png" for kind in ("gradcam", "dynamics", "timeline")} | {"dynamics_blocks.png"}
    drawn |= {"localisation.png", "localisation_by_trait.png", "forgetting.png", "trajectories.png"}
    assert names == drawn | INSIDE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r3d_18", "tests.helpers.own_networks:clips"])
def test_comparisons_and_costs_take_the_name(name, synthetic, tmp_path):
    sizes = {"crop_size": 32, "short_side": 36, "num_frames": 4}
    shared = {"manifest": str(synthetic), "model": name}
    few = {"num_steps": 1, "rounds": 1, "num_batches": 1, "num_workers": 1, "num_clips": 2, "devices": [1]}
    execute("06_cost", shared | sizes | few | {"out_dir": str(tmp_path / "cost"), "device": "cpu"})
    tiny = {"epochs": 1, "cache_dir": "", "settings": sizes | {"batch_size": 10}, "workers": 1}
    execute("08_relay_ablation", shared | tiny | {"out_dir": str(tmp_path / "relay"), "groups": ["where"]})
    given = {"norms": ["instance", "dnr"], "batch_sizes": [10], "out_dir": str(tmp_path / "batches")}
    execute("09_small_batches", shared | tiny | given)
    costs = {"models": [name], "num_frames": 4, "crop_size": 32, "rounds": 1, "out_dir": str(tmp_path / "costs")}
    execute("10_efficiency", costs | {"device": "cpu"})
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*.png")}
    figures = {"cost/scaling.png", "cost/budget.png", "relay/relay_ablation.png", "batches/small_batches.png"}
    assert found == figures | {"costs/speed_kept.png"}
    runs = {"relay": ("bn", "dnr", "temporal", "layer"), "batches": ("instance_batch10", "dnr_batch10")}
    for folder, names in runs.items():
        assert {path.parent.name for path in tmp_path.glob(f"{folder}/*/metrics.json")} == {f"{n}_seed0" for n in names}


def test_the_main_frame_of_a_segment_is_the_one_that_is_shown(synthetic):
    videos = select(read_manifest(synthetic), "test")  # 24 frames: segments of four start at 2, 7, 12, 17
    view = view_clip(videos, 0, override(demo(), name="tdn_resnet18", num_frames=4).data)
    assert view.frame_indices == [4, 9, 14, 19]


@pytest.mark.parametrize(
    ("where", "figures"),
    [
        ("layer", {"dynamics_blocks.png"}),
        ("temporal", {"dynamics_0_appears.png", "timeline_0_appears.png", "trajectories.png"}),
    ],
)
def test_the_dynamics_of_one_relay_alone_are_drawn_as_far_as_there_are_any(where, figures, synthetic, tmp_path):
    run = made("tsn_resnet50", 4, dnr=DNRConfig(where=where, relay_distance=2), short_side=36, crop_size=32)
    save_run(run, tmp_path / "run")
    given = {"manifest": str(synthetic), "num_videos": 1, "run_dir": str(tmp_path / "run")}
    execute("04_affine_dynamics", given | {"out_dir": str(tmp_path / "figures")})
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} == figures | INSIDE


def test_the_dynamics_after_pooling_over_time_are_in_frames_of_the_clip(synthetic):
    run = made("tsm_resnet18", 8, temporal_pool=True, dnr=DNRConfig(relay_distance=2))
    with record_dynamics(run.model) as dynamics, torch.inference_mode():
        run.model(torch.rand(1, 3, 8, 32, 32))
    spans = dynamics.table().query("kind == 'cross_temporal'").groupby("layer")[["first_frame", "last_frame"]]
    found = {layer: sorted(set(rows.itertuples(index=False, name=None))) for layer, rows in spans}
    assert found["layer1.0.bn1"] == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert found["layer2.0.bn1"] == found["layer4.1.bn1"] == [(0, 3), (4, 7)]
    line = timeline(run, select(read_manifest(synthetic), "test"), 0)
    assert set(line.table["layer"]) == set(found)


def save_run(run, folder):
    """What ``load_run`` opens."""
    folder.mkdir()
    config = {**recipe_to_dict(run.recipe), "classes": list(run.classes)}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file(run.model.state_dict(), folder / "best.safetensors")


def test_beside_tdn_a_network_of_single_frames_takes_the_middle_ones(synthetic):
    runs, videos = [made("tsn_resnet18", 4), made("tdn_resnet18", 4)], select(read_manifest(synthetic), "test")
    data = same_clips(runs)
    assert data == runs[1].recipe.data
    view = view_clip(videos, 0, data)
    assert torch.equal(clip_for(runs[1], view), view.clip)
    frames = torch.from_numpy(READER.read_frames(videos.rows["path"][0], np.array([4, 9, 14, 19])))
    (middle,) = evaluation_clips(frames.permute(0, 3, 1, 2), short_side=54, crop_size=48, num_crops=1)
    assert torch.equal(clip_for(runs[0], view), to_unit(middle))
    with pytest.raises(ValueError, match="expected runs with the same clips, got 2 different settings"):
        same_clips([made("tsn_resnet18", 8), runs[1]])


def test_the_timeline_of_tdn_stands_at_the_middle_frames_of_its_segments(synthetic):
    line = timeline(made("tdn_resnet18"), select(read_manifest(synthetic), "test"), 0)
    seconds = sorted(line.table["seconds"].unique())  # eight segments from frame s on; the last group starts at s + 4
    assert seconds == pytest.approx([(start + 5.5 + 2) / 12 for start in range(17)])


def test_a_network_takes_the_frames_that_it_was_made_for():
    with pytest.raises(ValueError, match=r"T=4 frames in layer1\.0\.inside, got 5; pass such clips"):
        create_model("tanet_resnet18", num_frames=4, width=8)(torch.zeros(1, 3, 5, 32, 32))
    with pytest.raises(
        ValueError, match=r"clips of 5 frames per segment .*20 frames\), got 4; sample segments of five"
    ):
        create_model("tdn_resnet18", num_frames=4, width=8)(torch.zeros(1, 3, 4, 32, 32))
    with pytest.raises(ValueError, match=r"no interlacing in tsm_resnet18, which shifts channels already"):
        create_model("tsm_resnet18", interlacing=True)
    with pytest.raises(ValueError, match=r"temporal_pool with TSM only, got tsn_resnet18"):
        create_model("tsn_resnet18", temporal_pool=True)
