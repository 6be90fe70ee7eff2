"""Measures of heat maps on heat that was placed by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab.data.manifest import read_manifest, select
from dnrlab.explain.cam.deletion import area_under, blur, deletion_and_insertion, random_heat
from dnrlab.explain.cam.localisation import localisation, moved, pointing, share_on_object, steadiness
from dnrlab.explain.cam.objects import ObjectTrack, object_masks, object_track, object_traits, read_boxes
from dnrlab.explain.cam.randomization import forgetting, similarity
from dnrlab.explain.cam.survey import forgotten_maps, measure_faithfulness, measure_objects, survey, with_controls
from dnrlab.explain.cam.tables import against_random, by_traits, over_shares, thirds
from dnrlab.explain.clips import sources_of, spread_rows, view_clip
from tests.helpers.networks import Planted, made

SIDE = 16


def track_of(boxes, seen=None):
    """Boxes in pixels of a crop of 16."""
    return ObjectTrack(np.array(boxes) / SIDE, np.array([True] * len(boxes) if seen is None else seen))


MOVING = track_of([[2, 4, 6, 8], [4, 4, 8, 8], [6, 4, 10, 8]])  # 4 x 4 pixels, 2 to the right a frame


def test_a_mask_is_the_box_where_the_object_is_seen():
    masks = object_masks(MOVING._replace(seen=np.array([True, False, True])), SIDE)
    assert masks.sum(axis=(1, 2)).tolist() == [16, 0, 16]
    assert masks[2, 4:8, 6:10].all()


def test_heat_on_the_object_alone_has_the_best_of_all_measures():
    heat = object_masks(MOVING, SIDE).astype(np.float32)
    expected = {"share": 1, "pointing": 1, "steadiness": 1, "area": 16 / 256, "times_chance": 16}
    assert localisation(heat, MOVING) == pytest.approx(expected)


def test_heat_everywhere_has_the_share_of_the_area_and_points_nowhere():
    measures = localisation(np.ones((3, SIDE, SIDE), dtype=np.float32), MOVING)
    assert measures["share"] == measures["area"] == 16 / 256
    assert measures["times_chance"] == 1
    assert measures["pointing"] == 0
    assert measures["steadiness"] == pytest.approx(14 / 16)  # two columns of sixteen leave on the way


def test_heat_beside_the_object_counts_by_its_amount():
    heat = np.zeros((3, SIDE, SIDE), dtype=np.float32)
    heat[0, 5, 5], heat[0, 0, 0] = 3, 1  # on the object and beside it
    heat[1, 0, 0] = 4
    masks = object_masks(MOVING, SIDE)
    assert share_on_object(heat, masks) == 3 / 8
    assert pointing(heat, masks) == pytest.approx(1 / 3)  # the third frame has no heat, and is a miss
    assert share_on_object(np.zeros_like(heat), masks) == 0


def test_steadiness_takes_the_way_of_the_object_out():
    still = np.zeros((3, SIDE, SIDE), dtype=np.float32)
    still[:, 4:8, 2:6] = 1  # stays where the object was in the first frame
    assert steadiness(still, MOVING) == 0.5  # half of it overlaps after two pixels
    assert steadiness(still, track_of([[2, 4, 6, 8]] * 3)) == 1
    assert steadiness(np.zeros_like(still), MOVING) == 0
    assert moved(still[0], 1, -2)[5:9, 0:4].all()
    assert moved(still[0], 20, 0).sum() == 0


def test_frames_without_the_object_do_not_count():
    track = MOVING._replace(seen=np.array([True, True, False]))
    heat = object_masks(MOVING, SIDE).astype(np.float32)
    heat[2] = 1
    assert localisation(heat, track)["share"] == 1
    unseen = localisation(heat, MOVING._replace(seen=np.zeros(3, dtype=bool)))
    assert all(np.isnan(value) for value in unseen.values())


OPACITIES = {
    "faint.mp4": [(0, 0.0), (1, 0.1), (2, 0.15), (3, 0.3)],
    "bright.mp4": [(0, 0.49), (1, 1.0)],
    "never.mp4": [(0, 0.0)],
}


def test_traits_of_an_object_of_known_size_colour_and_speed():
    frames = np.zeros((3, SIDE, SIDE, 3), dtype=np.uint8)
    frames[object_masks(MOVING, SIDE)] = (255, 0, 0)
    traits = object_traits(MOVING, frames)
    # Corners: left and right move by 2 of 16 pixels, top and bottom not at all.
    assert traits == pytest.approx({"size": 4 / 16, "contrast": 1 / np.sqrt(3), "speed": 1 / 16})


def test_boxes_of_a_video_lie_where_its_object_is(synthetic):
    videos = select(read_manifest(synthetic), "test")
    (row,) = videos.rows.index[videos.rows["label"] == "appears"][:1]
    data = made("tsn_resnet18").recipe.data
    view, boxes = view_clip(videos, row, data), read_boxes(videos)
    track = object_track(boxes, view, data)
    seen = int(np.argmax(track.seen))
    assert 0 < seen < 8
    appeared = np.abs(view.frames[-1].astype(float) - view.frames[0]).mean(axis=2)  # still, but for the object
    mask, strong = object_masks(track, view.frames.shape[1])[-1], appeared > 32
    assert strong[mask].sum() / strong.sum() > 0.9  # resizing blurs its edge
    assert strong[mask].mean() > 0.5
    assert not object_masks(track, 32)[0].any()
    with pytest.raises(ValueError, match=r"one row of boxes.csv per frame, got none for .*, frame 1; add it"):
        object_track(boxes.drop(index=(view.path, view.frame_indices[0])), view, data)


def test_a_faint_object_is_seen_from_half_of_its_highest_opacity(tmp_path):
    (tmp_path / "boxes.csv").write_text(
        "path,frame,left,top,right,bottom,opacity\n"
        + "".join(f"{path},{frame},0,0,1,1,{opacity}\n" for path, each in OPACITIES.items() for frame, opacity in each)
    )
    (tmp_path / "manifest.csv").write_text("path,label,split\n" + "".join(f"{path},a,test\n" for path in OPACITIES))
    boxes = read_boxes(read_manifest(tmp_path / "manifest.csv"))
    found = {path: boxes.loc[str(tmp_path / path), "seen"].tolist() for path in OPACITIES}
    assert found == {"faint.mp4": [False, False, True, True], "bright.mp4": [False, True], "never.mp4": [False]}


def test_deletion_falls_at_once_where_the_heat_is_the_evidence():
    model, clip = Planted().eval(), torch.zeros(3, 4, SIDE, SIDE)
    clip[0, :, 4:8, 8:12] = 1
    right, wrong = (clip[0] > 0).float(), (clip[0] == 0).float()
    steps = SIDE  # a step is a sixteenth of the pixels, as many as the evidence has
    at_once = deletion_and_insertion(model, clip, right, 1, steps=steps)
    at_last = deletion_and_insertion(model, clip, wrong, 1, steps=steps)
    assert at_once.deletion[0] == at_last.deletion[0] == at_once.insertion[-1] == at_last.insertion[-1]
    assert at_once.deletion[1] == pytest.approx(float(at_last.deletion[-1]), abs=0.02)
    assert area_under(at_once.deletion) < area_under(at_last.deletion)
    assert area_under(at_once.insertion) > area_under(at_last.insertion)
    assert area_under(torch.tensor([1.0, 0.0, 0.0])) == 0.25
    assert blur(torch.ones(3, 2, 9, 9)).allclose(torch.ones(3, 2, 9, 9))
    with pytest.raises(ValueError, match=r"heat of the clip's shape \(4, 16, 16\), got \(3, 16, 16\)"):
        deletion_and_insertion(model, clip, right[:3], 1)


def test_a_random_map_depends_on_its_generator_alone():
    first, second = (random_heat((4, 16, 16), 4, torch.Generator().manual_seed(seed)) for seed in (0, 0))
    assert torch.equal(first, second)
    assert first.std() > 0.1


def test_a_network_forgets_from_the_top_down_and_the_run_stays():
    run = made("tsn_resnet18")
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    names = []
    for name, forgetful in forgetting(run):
        names.append(name)
        state = forgetful.model.state_dict()
        kept = {key for key, value in before.items() if value.ndim > 1 and torch.equal(state[key], value)}
        assert kept == {key for key, value in before.items() if value.ndim > 1 and key.split(".")[0] not in names}
    assert names == ["fc", "layer4", "layer3", "layer2", "layer1", "bn1", "conv1"]
    assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())


def test_similarity_is_that_of_ranks():
    first = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert similarity(first, np.exp(first)) == pytest.approx(1)
    assert similarity(first, -first) == pytest.approx(-1)
    assert similarity(first, np.zeros_like(first)) == 0


def test_a_survey_measures_every_network_on_every_readable_video(synthetic, caplog, monkeypatch):
    videos = select(read_manifest(synthetic), "test")
    videos.rows.loc[2, "path"] = "gone.mp4"
    runs = {"a": made("tsn_resnet18"), "b": made("tdn_resnet18")}
    data, boxes = runs["b"].recipe.data, read_boxes(videos)
    shared = {"data": data, "layer": "layer2"}
    monkeypatch.setattr("dnrlab.explain.cam.survey.BATCH", 4)  # three batches
    table = survey(runs, videos, range(10), measure_objects(boxes, data), **shared)
    assert table.groupby("network")["row"].apply(list).tolist() == [[0, 1, 3, 4, 5, 6, 7, 8, 9]] * 2
    assert table["share"].between(0, 1).all()
    assert "left out: " in caplog.text
    own = by_traits(table, "share", "a")
    assert set(own["trait"]) == {"size", "contrast", "speed"}
    assert set(own["network"]) == {"b"}  # less a
    assert own.groupby("trait")["n"].sum().eq(9).all()
    sums = table.groupby("network")["share"].mean()
    assert np.average(own["mean"][:3], weights=own["n"][:3]) == pytest.approx(sums["b"] - sums["a"])
    alone = by_traits(table[table["network"] == "a"], "share", "a")
    assert np.average(alone["mean"][:3], weights=alone["n"][:3]) == pytest.approx(sums["a"])
    controlled = with_controls(table, boxes, videos, data)
    assert (controlled["network"] == "a blob at the centre").sum() == 9
    faith = survey(runs, videos, [0, 1], measure_faithfulness(steps=4), **shared)
    for name in ("deletion_0", "random_deletion_0"):  # in units of the whole clip's score
        assert faith[name].to_numpy() == pytest.approx(1, abs=1e-5)
    assert faith["insertion_4"].to_numpy() == pytest.approx(1, abs=1e-5)
    assert not np.allclose(faith["deletion_2"], faith["random_deletion_2"])
    curves = over_shares(faith)
    assert all(list(own["share"]) == [0, 0.25, 0.5, 0.75, 1] for _, own in curves.groupby(["network", "curve"]))
    gains = against_random(faith).set_index(["network", "measure"])["mean"]
    own = faith[faith["network"] == "a"]
    assert gains["a", "deletion"] == pytest.approx((own["deletion"] - own["random_deletion"]).mean())
    alike = forgotten_maps(runs, [view_clip(videos, 0, data)], layer="layer2")
    assert alike.groupby("network")["step"].max().to_dict() == {"a": 7, "b": 9}
    assert alike.loc[alike["forgotten"] == "conv1", "similarity"].max() < 0.99  # the maps depend on the weights
    with pytest.raises(ValueError, match="at least one readable video of 1 in "):
        survey(runs, videos, [2], measure_objects(boxes, data), **shared)


def test_thirds_are_named_by_their_bounds():
    parts = thirds(pd.Series([1.0, 2, 3, 4, 5, 6, np.nan]))
    assert parts.tolist()[:6] == ["1.00–2.67"] * 2 + ["2.67–4.33"] * 2 + ["4.33–6.00"] * 2
    assert pd.isna(parts[6])
    assert thirds(pd.Series([0.0, 0, 0, 0, 0, 1])).notna().all()

    assert thirds(pd.Series([0.1, 0.101, 0.102, 0.103, 0.104, 0.105])).nunique() == 3
    assert thirds(pd.Series([np.nan, np.nan])).isna().all()


def test_rows_are_spread_evenly_over_every_class():
    assert spread_rows([*"aaabbb"], 4) == [0, 2, 3, 5]
    assert spread_rows([*"aab"], 0) == spread_rows([*"aab"], 5) == [0, 1, 2]
    by_scene = [*"abcdefghij"] * 30
    assert pd.Series([by_scene[row] for row in spread_rows(by_scene, 61)]).value_counts().unique() == [6]
    assert len(spread_rows(by_scene, 3)) == 10  # one of each


def test_videos_of_a_scene_have_one_source_if_there_are_enough(synthetic):
    videos = read_manifest(synthetic)
    rows = pd.concat([videos.rows.head(2).assign(scene=f"scene {number}") for number in range(10)])
    assert sources_of(replace(videos, rows=rows)) == [f"scene {number}" for number in range(10) for _ in range(2)]
    few = replace(videos, rows=rows.head(18))
    assert sources_of(few) == list(few.rows["path"])
