"""The synthetic videos: what they are made to guarantee."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from dnrlab.data.decode.reader import read_frames
from dnrlab.data.manifest import read_manifest
from dnrlab.data.synthetic.make import SMALL, STRIPS, SyntheticConfig, make_synthetic, pair_accuracy
from dnrlab.data.synthetic.motions import CLASSES, PAIRS, Look, Range, motion, pair_of
from dnrlab.data.synthetic.render import Scene, boxes, make_scene, render
from tests.conftest import TINY


def all_frames(path):
    return read_frames(path, np.arange(TINY.num_frames)).astype(int)


def test_every_scene_is_filmed_in_every_class(synthetic):
    manifest = read_manifest(synthetic)
    assert manifest.classes == CLASSES
    assert manifest.flip == "none"
    assert manifest.rows.groupby("split").size().to_dict() == {"train": 20, "val": 10, "test": 10}
    assert (manifest.rows.groupby("scene")["label"].nunique() == 10).all()


MAKE = """
import sys
from dnrlab.data.synthetic.make import SyntheticConfig, make_synthetic
make_synthetic(sys.argv[1], SyntheticConfig(train_scenes=2, val_scenes=1, test_scenes=1, side=32), workers=1)
"""


def test_a_set_is_the_same_to_the_byte_whatever_memory_held_before(tmp_path):
    made = []
    for filled_with in ("85", "170"):  # glibc fills fresh memory with it
        folder = tmp_path / filled_with
        environment = os.environ | {"MALLOC_PERTURB_": filled_with}
        subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, env=environment)
        made.append({str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.mp4")})
    assert len(made[0]) == 40
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []


def test_the_classes_of_a_pair_are_each_others_reversal_also_after_encoding(synthetic):
    rows = read_manifest(synthetic).rows
    for first, second in PAIRS:
        scene = rows[rows["scene"] == "test0000"].set_index("label")["path"]
        forward, backward = all_frames(scene[first]), all_frames(scene[second])
        assert np.abs(forward - backward[::-1]).mean() < 4  # what encoding leaves, of 255
        assert np.abs(forward[0] - backward[0]).mean() > 6


def test_the_object_is_inside_its_box_and_nothing_changes_outside(synthetic):
    rows, table = read_manifest(synthetic).rows, pd.read_csv(synthetic.parent / "boxes.csv")
    assert len(table) == len(rows) * TINY.num_frames
    scene = rows[rows["scene"] == "train0000"].set_index("label")["path"]
    background = all_frames(scene["appears"])[0]  # the same scene before its object is there
    y, x = np.mgrid[: TINY.side, : TINY.side] + 0.5
    for label in ("left", "nearer", "clockwise"):
        changed = np.abs(all_frames(scene[label]) - background).max(axis=3) > 60
        own = table[table["path"] == f"train/{label}/scene0000.mp4"]
        for frame, box in enumerate(own.itertuples()):
            inside = (x > box.left - 1) & (x < box.right + 1) & (y > box.top - 1) & (y < box.bottom + 1)
            assert changed[frame][~inside].mean() < 0.02
            assert changed[frame][inside].mean() > 0.2


@pytest.mark.parametrize(
    ("label", "frame", "expected"),
    [("left", 0, "right half"), ("up", 0, "lower half"), ("nearer", 0, "small"), ("appears", 0, "unseen")],
)
def test_motions_begin_where_their_names_say(label, frame, expected):
    track = motion(label, 24, np.random.default_rng(3))
    holds = {
        "right half": track.x[frame] > 0.5 > track.x[-1],
        "lower half": track.y[frame] > 0.5 > track.y[-1],
        "small": track.size[frame] < track.size[-1],
        "unseen": track.opacity[frame] == 0 and track.opacity[-1] == 1,
    }
    assert holds[expected]


def test_clockwise_is_clockwise_on_a_screen():
    track = motion("clockwise", 24, np.random.default_rng(0))
    x, y = track.x - 0.5, track.y - 0.5
    turn = x[:-1] * y[1:] - y[:-1] * x[1:]  # above zero: towards growing angles, clockwise where y runs downwards
    assert (turn > 0).all()


@pytest.mark.parametrize("label", CLASSES)
def test_objects_stay_in_the_frame(label):
    for seed in range(50):
        track = motion(label, 24, np.random.default_rng(seed))
        assert ((track.x > 0.1) & (track.x < 0.9) & (track.y > 0.1) & (track.y < 0.9)).all()


def test_the_box_is_where_the_renderer_draws():
    import torch

    scene = Scene(torch.zeros(3, 64, 64), torch.ones(3, 8, 8))
    track = motion("left", 5, np.random.default_rng(1))
    for picture, box in zip(render(scene, track)[..., 0], boxes(track, 64), strict=True):
        rows, columns = np.nonzero(picture > 127)
        drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(drawn - box).max() <= 1


def test_material_of_the_splits_is_disjoint():
    edges = sorted(STRIPS.values())
    assert edges[0][0] == 0
    assert edges[-1][1] == 1
    assert all(before[1] <= after[0] for before, after in pairwise(edges))
    scenes = [make_scene(32, strip, np.random.default_rng(0)) for strip in STRIPS.values()]
    assert all((a.tile - b.tile).abs().max() > 0.05 for a, b in pairwise(scenes))


def test_appearance_says_nothing_about_the_label(synthetic):
    """The mean frame of a video is nearest to that of its reversal, so it cannot tell the two apart."""
    rows = read_manifest(synthetic).rows
    rows = rows[rows["scene"] == "train0000"]
    means = {row.label: all_frames(row.path).mean(axis=0) for row in rows.itertuples()}
    for label, mean in means.items():
        others = {name: np.abs(mean - other).mean() for name, other in means.items() if name != label}
        pair = next(pair for pair in PAIRS if label in pair)
        assert min(others, key=others.get) in pair


def test_size_and_start_say_nothing_about_the_background(synthetic):
    """A seed sequence takes [a, b] and [a, b, 0] for the same; streams that coincide would tie these together."""
    photographs, sizes = [], []
    for number in range(60):
        scene = np.random.default_rng([1, 0, 0, number])
        photographs.append(scene.random() < 0.5)
        sizes.append(motion("left", 2, np.random.default_rng([2, 0, 0, number, 0])).size[0])
    larger = np.array(sizes) > 0.31
    assert 15 < (larger == np.array(photographs)).sum() < 45


def test_the_same_config_is_made_once_and_another_is_refused(tmp_path):
    config = SyntheticConfig(train_scenes=1, val_scenes=1, test_scenes=1, num_frames=4, side=32)
    manifest = make_synthetic(tmp_path, config)
    before = manifest.stat().st_mtime_ns
    assert make_synthetic(tmp_path, config).stat().st_mtime_ns == before
    assert json.loads((tmp_path / "card.json").read_text())["config"]["side"] == 32
    with pytest.raises(ValueError, match="another config in"):
        make_synthetic(tmp_path, SyntheticConfig(seed=1))
    with pytest.raises(ValueError, match="side to be even and at least 32"):
        SyntheticConfig(side=17)


def test_a_card_of_an_earlier_version_is_of_the_usual_objects(tmp_path):
    config = SyntheticConfig(train_scenes=1, val_scenes=1, test_scenes=1, num_frames=4, side=32)
    make_synthetic(tmp_path, config)
    card = json.loads((tmp_path / "card.json").read_text())
    assert card["config"].pop("look")["size"] == [0.26, 0.36]
    (tmp_path / "card.json").write_text(json.dumps(card))
    before = (tmp_path / "manifest.csv").stat().st_mtime_ns
    assert make_synthetic(tmp_path, config).stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="another config in"):
        make_synthetic(tmp_path, replace(config, look=SMALL))
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(ValueError, match="remove the folder; the set is made again"):
        make_synthetic(tmp_path, config)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look(size=Range(0.3, 0.1)), "expected size in"),
        (Look(contrast=Range(0.0, 1.0)), "expected contrast in"),
        (Look(far=Range(0.1, 0.5)), "far of at most 1/3"),
        (Look(speed=Range(0.1, 1.0)), "speed of at least 0.3"),
    ],
)
def test_objects_that_cannot_be_are_refused(look, words):
    with pytest.raises(ValueError, match=words):
        SyntheticConfig(look=look)


@pytest.mark.parametrize("label", CLASSES)
def test_small_slow_and_faint_objects(label):
    """Sizes, paths and opacities are in their ranges; a pair differs in order alone; speed is the same in all pairs."""
    lengths = []
    for seed in range(40):
        usual = motion(label, 24, np.random.default_rng(seed))
        track = motion(label, 24, np.random.default_rng(seed), SMALL, np.random.default_rng([3, seed]))
        (other,) = set(pair_of(label)) - {label}
        reverse = motion(other, 24, np.random.default_rng(seed), SMALL, np.random.default_rng([3, seed]))
        assert all(np.array_equal(values[::-1], theirs) for values, theirs in zip(track, reverse, strict=True))
        assert 0.08 <= track.size.min() <= track.size.max() <= 0.32
        assert 0.3 <= track.opacity.max() <= 0.8
        assert (track.opacity.min() == 0) == (label in ("appears", "disappears"))
        paths = [np.hypot(np.diff(each.x), np.diff(each.y)).sum() for each in (track, usual)]
        lengths += [paths[0] / paths[1]] if paths[1] else []
    if lengths:
        speeds = [SMALL.speed.draw(np.random.default_rng([3, seed])) for seed in range(40)]  # drawn first
        np.testing.assert_allclose(lengths, speeds, rtol=0.02)


def test_pair_accuracy_on_a_worked_example():
    labels, predicted = ["left", "left", "up", "nearer"], ["left", "right", "left", "farther"]
    assert pair_accuracy(labels, predicted) == {"top1": 1 / 4, "pair": 3 / 4, "within_pair": 1 / 3}
    assert np.isnan(pair_accuracy(["left"], ["up"])["within_pair"])
