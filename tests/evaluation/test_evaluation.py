"""Evaluation: metrics on worked examples, views, and bad videos counted."""

import json
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import VideoViews, Views
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import Manifest, read_manifest, select
from dnrlab.data.transforms import normalize
from dnrlab.device import Runtime
from dnrlab.evaluation import (
    EvalConfig,
    accuracy_by_number,
    confusion_matrix,
    evaluate,
    metrics,
    read_results,
    write_results,
)
from dnrlab.evaluation.metrics import true_class_rank, view_accuracy
from dnrlab.evaluation.video_scores import class_scores, video_scores
from dnrlab.evaluation.view_scores import ScoresFile
from dnrlab.models import create_model
from dnrlab.models.config import ModelConfig
from dnrlab.plots import view_accuracy_figure

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


@pytest.mark.parametrize(("count", "names"), [(5, {"top1"}), (6, {"top1", "top5"})])
def test_there_is_a_top5_accuracy_only_for_more_than_five_classes(tmp_path, count, names):
    classes = tuple("abcdef"[:count])
    found = metrics(["a", "b"], np.eye(count)[[0, 1]], classes)
    assert set(found) == names | {"mean_class"}
    assert set(view_accuracy(np.ones((2, 1, count), np.float32), np.array([0, 1]), 1)) == names | {"clip", "crop"}


def test_classes_may_have_the_names_of_columns(tmp_path):
    classes = ("label", "path", "predicted", "score:x", "source", "start_seconds")
    rows = pd.DataFrame({"path": [f"{name}.mp4" for name in classes], "label": classes, "source": "s"})
    manifest = Manifest(rows=rows, classes=classes, flip="none", file=tmp_path / "videos.csv")
    scores = np.eye(6, dtype=np.float32)[:, None]
    predictions = video_scores(manifest, scores, {}, num_crops=1)
    assert list(predictions.videos["predicted"]) == list(classes)
    write_results(tmp_path, predictions, classes, EvalConfig(), manifest="videos.csv", split="test")
    result, table = read_results(tmp_path, "test")
    assert result["top1"] == 1
    assert class_scores(table).to_numpy().tolist() == np.eye(6).tolist()
    assert list(class_scores(table).columns) == list(classes)
    assert list(table["label"]) == list(table["predicted"]) == list(classes)


def test_a_scene_is_the_source_of_its_videos(tmp_path):
    names = [f"s{number}" for number in range(10)]
    rows = pd.DataFrame({"path": [f"{name}.mp4" for name in names], "label": list("ab") * 5, "scene": names})
    manifest = Manifest(rows=rows, classes=("a", "b"), flip="none", file=tmp_path / "videos.csv")
    scores = np.tile(np.eye(2, dtype=np.float32), (5, 1))[:, None]
    assert list(video_scores(manifest, scores, {}, num_crops=1).videos["source"]) == names
    named = replace(manifest, rows=rows.assign(source="t"))
    assert set(video_scores(named, scores, {}, num_crops=1).videos["source"]) == {"t"}
    few = replace(manifest, rows=rows.assign(scene=["s"] * 9 + ["t"]))  # too few for an interval over scenes
    assert "source" not in video_scores(few, scores, {}, num_crops=1).videos


def test_scores_of_earlier_versions_are_read(tmp_path):
    (tmp_path / "predictions.csv").write_text("path,label,source,predicted,a,b\nx.mp4,a,s,b,0.25,0.75\n")
    (tmp_path / "metrics.json").write_text("{}")
    _, table = read_results(tmp_path, "test")
    assert list(table.columns) == ["path", "label", "source", "predicted", "score:a", "score:b"]
    assert class_scores(table).to_numpy().tolist() == [[0.25, 0.75]]


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


@pytest.mark.parametrize(("num_clips", "size"), [(3, 4), (3, 50), (1, 4)])
def test_no_more_views_are_cut_than_go_through_at_a_time(synthetic, monkeypatch, num_clips, size):
    videos, cut, seen, clip = select(read_manifest(synthetic), "test"), [], [], Views.clip
    network = Brightness()
    network.register_forward_pre_hook(lambda _, given: seen.append((len(given[0]), len(cut))))
    monkeypatch.setattr(Views, "clip", lambda views, view: cut.append(view) or clip(views, view))
    views = EvalConfig(num_clips=num_clips, num_crops=3, batch_size=size)
    evaluate(network, videos, DATA, views, reader=READER)
    went, so_far = zip(*seen, strict=True)
    assert max(went) <= size
    assert list(so_far) == np.cumsum(went).tolist()  # each view is cut just before it goes through
    assert sum(went) == 10 * num_clips * 3


def test_the_place_of_the_true_class_on_a_worked_example():
    scores = np.array([[0.2, 0.4, 0.4]] * 4)
    assert true_class_rank(scores, np.array([0, 1, 2, -1])).tolist() == [2, 0, 1, 3]


def test_accuracies_of_single_views_and_of_videos_on_a_worked_example():
    right, wrong = [0.9, 0.1], [0.4, 0.6]
    scores = np.array([[right, right, wrong, wrong], [right, wrong, wrong, wrong], [[np.nan] * 2] * 4], np.float32)
    truth = np.array([0, 0, 1])
    views = view_accuracy(scores, truth, num_crops=2)
    assert views[["clip", "crop"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert views["top1"].tolist() == [1, 0.5, 0, 0]  # the mean, 3 of 8, is the accuracy of clips
    by_number = accuracy_by_number(scores, truth)
    assert by_number["views"].tolist() == [1, 2, 3, 4]
    assert by_number["top1"].iloc[0] == 3 / 8
    assert by_number["top1"].iloc[-1] == 1  # means 0.65 and 0.525
    assert (view_accuracy(scores[2:], truth[2:], 1)["top1"] == 0).all()


def test_clip_and_video_accuracy_are_both_reported(synthetic, tmp_path):
    videos, views = select(read_manifest(synthetic), "test"), EvalConfig(num_clips=3, num_crops=3)
    found = evaluate(Brightness(), videos, DATA, views, reader=READER)
    result = write_results(tmp_path, found, videos.classes, views, manifest="videos.csv", split="test")
    single = [
        Brightness()(normalize(VideoViews(videos, DATA, READER, num_clips=3, num_crops=3)[row].clips())).argmax(1)
        for row in range(10)
    ]
    truth = torch.tensor([videos.classes.index(label) for label in videos.rows["label"]])
    assert result["clip_top1"] == pytest.approx((torch.stack(single) == truth[:, None]).float().mean().item())
    assert result["top1"] == (found.videos["label"] == found.videos["predicted"]).mean()
    assert result["clip_top5"] >= result["clip_top1"]
    one = evaluate(Brightness(), videos, DATA, EvalConfig(), reader=READER)
    of_one = write_results(tmp_path, one, videos.classes, EvalConfig(), manifest="videos.csv", split="test")
    assert (of_one["clip_top1"], of_one["clip_top5"]) == (of_one["top1"], of_one["top5"])


def test_accuracy_is_drawn_over_the_views_and_of_each_by_itself():
    by_number = pd.DataFrame({"views": [1, 2, 3, 4, 5, 6], "top1": [0.5, 0.52, 0.53, 0.53, 0.54, 0.54]})
    views = pd.DataFrame({"clip": [0, 0, 0, 1, 1, 1], "crop": [0, 1, 2] * 2, "top1": [0.4, 0.5, 0.6] * 2})
    together, single = view_accuracy_figure(by_number, views, "finding", "note").axes
    assert together.lines[0].get_xydata().tolist() == by_number.to_numpy().tolist()
    lines = {line.get_label(): line.get_xydata().tolist() for line in single.lines}
    assert lines["middle"] == [[1, 0.5], [2, 0.5]]
    assert lines["right or bottom"] == [[1, 0.6], [2, 0.6]]
    one = view_accuracy_figure(by_number[:1], views[:1], "finding", "note").axes[0]
    assert np.ptp(one.get_ylim()) == pytest.approx(0.12)
    plt.close("all")


def telling_apart(network, clips):
    """A network with random weights, given running statistics and a classifier that tell ``clips`` apart."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean over all forwards
    with torch.no_grad():
        for part in clips.chunk(3):
            network.train()(part)
        logits = network.eval()(clips)
        deviation = logits.std(dim=0)
        network.fc.weight.mul_(3 / deviation[:, None])
        network.fc.bias.sub_(logits.mean(dim=0)).mul_(3 / deviation)
    return network


@pytest.mark.slow
def test_thirty_real_videos_give_the_same_metrics_for_1_4_and_30_views_at_a_time(real_data, tmp_path):
    manifest = select(read_manifest(real_data / "jhmdb21" / "manifest.csv"), "test")
    videos = replace(manifest, rows=manifest.rows.iloc[::7].head(30).reset_index(drop=True))
    data = DataConfig(num_frames=2, frame_interval=8, short_side=128, crop_size=112)
    one = VideoViews(videos, data, READER, num_clips=1, num_crops=1)
    network = create_model("tsn_resnet18", num_classes=21, num_frames=2, width=64)
    telling_apart(network, normalize(torch.cat([one[row].clips() for row in range(30)])))
    forwards, results, scores = [], [], []  # forwards: views in each
    network.register_forward_pre_hook(lambda _, given: forwards.append(len(given[0])))
    for size, number in ((1, 900), (4, 30 * 8), (30, 30)):
        views = EvalConfig(num_clips=10, num_crops=3, batch_size=size)
        scores_file = ScoresFile(tmp_path / f"{size}.npy", ModelConfig())
        found = evaluate(network, videos, data, views, reader=READER, scores=scores_file)
        result = write_results(tmp_path, found, videos.classes, views, manifest="jhmdb21", split="test")
        results.append({name: value for name, value in result.items() if name != "views"})
        scores.append(np.load(tmp_path / f"{size}.npy"))
        assert (len(forwards), max(forwards), sum(forwards)) == (number, size, 900)
        forwards.clear()
    assert results[0] == results[1] == results[2]
    assert results[0]["evaluated"] == "evaluated 30 of 30"
    assert found.videos["predicted"].nunique() >= 8  # a network that says one class of all would be right above, too
    assert scores[0].shape == (30, 30, 21)
    assert scores[0].mean(axis=1).std(axis=0).min() > 0.01  # videos differ by far more than the rounding
    assert scores[0].std(axis=1).mean() > 0.01  # as do the views of one
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], rtol=0, atol=1e-5)


def test_bad_videos_are_counted_and_listed_and_never_replaced(synthetic, tmp_path):
    rows = select(read_manifest(synthetic), "test").rows
    (tmp_path / "empty.mp4").touch()
    rows.loc[[1, 4], "path"] = [str(tmp_path / "empty.mp4"), str(tmp_path / "gone.mp4")]
    rows.to_csv(tmp_path / "videos.csv", index=False)
    videos = read_manifest(tmp_path / "videos.csv")
    for workers in (0, 2):
        predictions = evaluate(
            Brightness(), videos, DATA, EvalConfig(), reader=READER, runtime=Runtime(num_workers=workers)
        )
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
    assert list(written.columns) == ["path", "label", "predicted", *(f"score:{name}" for name in videos.classes)]


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "videos.csv").write_text("path,label\ngone.mp4,a\n")
    with pytest.raises(ValueError, match=r"got none of 1 in .*videos.csv \(the first: no such file"):
        evaluate(Brightness(), read_manifest(tmp_path / "videos.csv"), DATA, EvalConfig(), reader=READER)


def test_views_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"expected num_crops of 1 \(centre\) or 3 .*, got 2"):
        EvalConfig(num_crops=2)
