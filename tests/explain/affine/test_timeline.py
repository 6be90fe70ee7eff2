"""Gamma and beta along a whole video."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.offsetbox import AnnotationBbox

from dnrlab import DNRConfig
from dnrlab.data.config import DataConfig
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import read_manifest, select
from dnrlab.data.transforms import evaluation_clips, normalize
from dnrlab.explain import record_dynamics
from dnrlab.explain.affine.timeline import overlapping_clips, timeline, timelines
from dnrlab.models.config import ModelConfig, build_model
from dnrlab.plots import timeline_figure
from dnrlab.recipes.config import Recipe, TrainConfig
from dnrlab.recipes.named import override
from dnrlab.runs.load import Run


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_clips_along_a_video_overlap_and_are_enough_for_a_curve():
    assert overlapping_clips(24, 8, 64)[:, [0, -1]].tolist() == [[start, start + 7] for start in range(17)]
    assert len(overlapping_clips(15, 8, 64)) == 8
    assert len(overlapping_clips(14, 8, 64)) == 7
    long = overlapping_clips(300, 8, 64)
    assert len(long) == 64
    assert (long[0, 0], long[-1, -1]) == (0, 299)
    assert (long.diff(dim=1) == 21).all()


@pytest.fixture
def run(synthetic):
    data = DataConfig(sampling="segments", num_frames=8, short_side=36, crop_size=32)
    model = ModelConfig(name="tsn_resnet18", width=8, dnr=DNRConfig(relay_distance=4))
    recipe = Recipe(model=model, data=data, training=TrainConfig())
    return Run(build_model(model, num_classes=10, num_frames=8).eval(), recipe, read_manifest(synthetic).classes)


def test_a_point_of_the_timeline_is_the_last_group_of_its_clip(run, synthetic):
    videos = select(read_manifest(synthetic), "test")
    line = timeline(run, videos, 3)
    own = line.table[line.table["layer"] == "layer3.0.bn1"]
    assert own["channel"].nunique() * 17 == len(own)
    assert sorted(own["seconds"].unique()) == pytest.approx([(start + 5.5) / 12 for start in range(17)])
    frames = READER.read_frames(videos.rows["path"][3], np.arange(4, 12))  # the clip that starts at frame 4
    (clip,) = evaluation_clips(torch.from_numpy(frames).permute(0, 3, 1, 2), short_side=36, crop_size=32, num_crops=1)
    with record_dynamics(run.model) as dynamics:
        run.model(normalize(clip[None]))
    expected = dynamics.table().query("layer == 'layer3.0.bn1' and last_frame == 7")
    expected = expected.groupby("channel", as_index=False)[["gamma", "beta"]].sum()  # of both relays
    found = own[own["clip"] == 4].sort_values("channel")
    np.testing.assert_allclose(found["gamma"], expected["gamma"], rtol=1e-5)
    assert own.groupby("channel")["beta_change"].mean().abs().max() < 1e-6
    figure = timeline_figure(own, line.frames, line.frame_seconds, "f", "n", clip_seconds=line.clip_seconds)
    assert line.clip_seconds == pytest.approx(7 / 12)
    drawn = {tuple(np.round(curve.get_ydata(), 6)) for curve in figure.axes[1].lines}
    channel = own[own["channel"] == 0].sort_values("seconds")["gamma_change"]
    assert tuple(np.round(channel, 6)) in drawn
    shown = [artist for artist in figure.axes[0].artists if isinstance(artist, AnnotationBbox)]
    assert [picture.xy[0] for picture in shown] == line.frame_seconds
    for picture, frame in zip(shown, line.frames, strict=True):
        np.testing.assert_array_equal(picture.offsetbox.get_data(), frame)


def test_a_timeline_needs_dnr_and_frames(run, synthetic, tmp_path):
    videos = select(read_manifest(synthetic), "test")
    plain = run._replace(recipe=override(run.recipe, dnr=None))
    with pytest.raises(ValueError, match="expected a run with cross-temporal DNR, got batch norm"):
        timeline(plain, videos, 0)
    videos.rows.head(1).assign(start_seconds=0, end_seconds=1).to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(VideoError, match="expected at least 15 frames for a curve over time, got 12"):
        timeline(run, read_manifest(tmp_path / "short.csv"), 0)


def test_short_videos_are_left_out_by_name(run, synthetic, tmp_path, caplog):
    rows = read_manifest(synthetic).rows.head(2).assign(start_seconds=0, end_seconds=[1, 2])
    rows.to_csv(tmp_path / "videos.csv", index=False)
    assert list(timelines(run, read_manifest(tmp_path / "videos.csv"), [0, 1])) == [1]
    assert "no timeline:" in caplog.text
    assert "expected at least 15 frames for a curve over time, got 12" in caplog.text
