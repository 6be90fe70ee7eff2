"""Evaluation: metrics on worked examples, views, and bad videos counted."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab.data.dataset import DataConfig, VideoViews
from dnrlab.data.decode import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.data.transforms import normalize
from dnrlab.evaluation import EvalConfig, confusion_matrix, evaluate, metrics, write_results

DATA = DataConfig(sampling="segments", num_frames=4, short_side=20, crop_size=16)


class Brightness(torch.nn.Module):
    """Logits of ten classes that depend on the clip, in a way that views differ."""

    def forward(self, clips):
        return clips.mean(dim=(2, 3, 4)).repeat(1, 4)[:, :10] * torch.arange(1, 11)


def test_metrics_on_a_worked_example():
    classes = ("a", "b", "c", "d", "e", "f")
    scores = np.eye(6)[[0, 0, 1, 2]] + np.linspace(0, 0.1, 6)
    result = metrics(["a", "a", "b", "a"], scores, classes)
    assert result == pytest.approx({"top1": 3 / 4, "top5": 3 / 4, "mean_class": (2 / 3 + 1) / 2})


def test_the_first_of_equal_scores_is_the_prediction():
    tied = np.array([[0.5, 0.5]])
    assert [metrics([label], tied, ("a", "b"))["top1"] for label in ("a", "b")] == [1, 0]
    with pytest.raises(ValueError, match="finite scores"):
        metrics(["a"], np.array([[np.nan, 0.5]]), ("a", "b"))


def test_confusion_has_labels_by_row():
    matrix = confusion_matrix(["a", "a", "b"], ["a", "b", "b"], ("a", "b", "c"))
    assert matrix.to_numpy().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_scores_are_the_mean_softmax_of_all_views(synthetic):
    videos = select(read_manifest(synthetic), "test")
    config = EvalConfig(num_clips=3, num_crops=3, batch_size=4)
    predictions = evaluate(Brightness(), videos, DATA, config, reader=READER)
    views = VideoViews(videos, DATA, READER, num_clips=3, num_crops=3)[2].clips()
    assert views.shape == (9, 3, 4, 16, 16)
    expected = torch.stack([Brightness()(normalize(view[None]))[0].softmax(0) for view in views]).mean(0)
    scores = predictions.videos.iloc[2, -10:].to_numpy(dtype=float)
    np.testing.assert_allclose(scores, expected.numpy(), rtol=1e-5)
    assert predictions.videos["predicted"].iloc[2] == videos.classes[int(expected.argmax())]


def test_scores_do_not_depend_on_how_many_views_go_through_at_a_time(synthetic):
    videos = select(read_manifest(synthetic), "test")
    tables = [
        evaluate(Brightness(), videos, DATA, EvalConfig(num_clips=3, batch_size=size), reader=READER).videos
        for size in (1, 4, 50)
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], rtol=1e-5)


def test_bad_videos_are_counted_and_listed_and_never_replaced(synthetic, tmp_path):
    rows = select(read_manifest(synthetic), "test").rows
    (tmp_path / "empty.mp4").touch()
    rows.loc[[1, 4], "path"] = [str(tmp_path / "empty.mp4"), str(tmp_path / "gone.mp4")]
    rows.to_csv(tmp_path / "videos.csv", index=False)
    videos = read_manifest(tmp_path / "videos.csv")
    for workers in (0, 2):
        predictions = evaluate(Brightness(), videos, DATA, EvalConfig(), reader=READER, num_workers=workers)
        assert predictions.skipped["reason"].str.split(";").str[0].tolist() == [
            "an empty file (0 bytes)",
            "no such file",
        ]
        assert set(predictions.videos["path"]) == set(rows["path"]) - set(predictions.skipped["path"])
    result = write_results(
        tmp_path / "run", predictions, videos.classes, EvalConfig(), manifest="videos.csv", split="test"
    )
    assert result["evaluated"] == "evaluated 8 of 10"
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == result
    assert len(pd.read_csv(tmp_path / "run" / "skipped.csv")) == 2
    written = pd.read_csv(tmp_path / "run" / "predictions.csv")
    assert list(written.columns) == ["path", "label", "predicted", *videos.classes]


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "videos.csv").write_text("path,label\ngone.mp4,a\n")
    with pytest.raises(ValueError, match=r"none of 1 videos of .*videos.csv could be read; the first: no such file"):
        evaluate(Brightness(), read_manifest(tmp_path / "videos.csv"), DATA, EvalConfig(), reader=READER)


def test_views_out_of_range_are_refused():
    with pytest.raises(ValueError, match="num_crops of 1 or 3"):
        EvalConfig(num_crops=2)
