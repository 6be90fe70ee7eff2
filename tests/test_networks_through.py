"""Every family of networks, plain and with DNR, from training to heat maps and timelines."""

import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.data.decode import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.explain.clips import explain_clip, view_clip
from dnrlab.explain.timeline import timeline
from dnrlab.runs import load_run
from dnrlab.training.recipes import demo, override
from dnrlab.training.run import train
from tests.test_errors import execute


@pytest.mark.parametrize("dnr", [None, DNRConfig(relay_distance=2)], ids=["bn", "dnr"])
@pytest.mark.parametrize("name", ["tsm_resnet18", "tanet_resnet18", "tdn_resnet18"])
def test_a_family_trains_and_is_looked_into(name, dnr, synthetic, tmp_path):
    settings = {"epochs": 1, "batch_size": 10, "crop_size": 32, "short_side": 36, "num_frames": 4}
    recipe = override(demo(), name=name, dnr=dnr, **settings)
    manifest = read_manifest(synthetic)
    history = train(recipe, manifest, tmp_path, progress=False)
    assert history["loss"].notna().all()
    run, videos = load_run(tmp_path), select(manifest, "test")
    assert run.recipe == recipe
    predictions = evaluate(run.model, videos, run.recipe.data, EvalConfig(num_clips=2), reader=READER)
    assert len(predictions.videos) == 10
    view = view_clip(videos, 0, run.recipe.data)
    neighbours = 5 if name.startswith("tdn") else 1
    assert view.clip.shape == (3, 4 * neighbours, 32, 32)
    explained = explain_clip(run, view, layer="layer2")
    assert explained.heat.shape == (4, 32, 32)
    assert len(view.frames) == len(view.numbers) == 4
    if dnr is not None:
        line = timeline(run, videos, 0)
        assert line.table["seconds"].nunique() >= 8


@pytest.mark.parametrize("name", ["tsm_resnet18", "tanet_resnet18", "tdn_resnet18"])
def test_every_notebook_takes_the_name(name, synthetic, tmp_path):
    shared, run_dir = {"manifest": str(synthetic)}, str(tmp_path / "run")
    tiny = {"short_side": 36, "crop_size": 32, "num_frames": 4, "epochs": 1, "batch_size": 10, "cache_dir": ""}
    execute("01_train", shared | tiny | {"model": name, "run_dir": run_dir, "dnr_settings": {"direction": "bi"}})
    execute("02_evaluate", shared | {"run_dir": run_dir, "cache_dir": ""})
    look = shared | {"num_videos": 1, "out_dir": str(tmp_path / "figures")}
    execute("03_gradcam", look | {"runs": [run_dir]})
    execute("04_affine_dynamics", look | {"run_dir": run_dir})
    assert load_run(run_dir).recipe.model.dnr == DNRConfig(direction="bi")
    names = {path.name for path in (tmp_path / "figures").glob("*.png")}
    assert names == {f"{kind}_0_appears.png" for kind in ("gradcam", "dynamics", "timeline")} | {"dynamics_blocks.png"}


def test_the_main_frame_of_a_segment_is_the_one_that_is_shown(synthetic):
    videos = select(read_manifest(synthetic), "test")  # 24 frames: segments of four start at 2, 7, 12, 17
    view = view_clip(videos, 0, override(demo(), name="tdn_resnet18", num_frames=4).data)
    assert view.numbers == [4, 9, 14, 19]


def test_a_network_takes_the_frames_that_it_was_made_for():
    with pytest.raises(ValueError, match=r"T=4 frames, for which this TANet was made, got 5; give such clips"):
        create_model("tanet_resnet18", num_frames=4, width=8)(torch.zeros(1, 3, 5, 32, 32))
    with pytest.raises(ValueError, match=r"4 segments of 5 frames, 20 in all, got 4; sample segments of five"):
        create_model("tdn_resnet18", num_frames=4, width=8)(torch.zeros(1, 3, 4, 32, 32))
    with pytest.raises(ValueError, match=r"no interlacing in tsm_resnet18, which shifts channels already"):
        create_model("tsm_resnet18", interlacing=True)
    with pytest.raises(ValueError, match=r"temporal_pool with TSM only, got tsn_resnet18"):
        create_model("tsn_resnet18", temporal_pool=True)
