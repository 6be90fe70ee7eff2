"""Many runs as one request, and two results compared: over what an interval is, and what is refused."""

import json
import shutil
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from dnrlab.cli import main
from dnrlab.evaluation.intervals import mean_interval, run_interval
from dnrlab.evaluation.paired import compare_results
from dnrlab.experiments.repeat import over_runs, over_videos

TINY = ["--epochs", "1", "--short-side", "20", "--crop-size", "16", "--batch-size", "10", "--num-frames", "4"]
CLASSES = ["a", "b"]


def call(capsys, *words):
    """Exit code, standard output and standard error of a call."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


def write_run(folder, right, *, label="a", source=None, name="video", split=""):
    """Results of videos of one class, of which ``right`` says the right ones."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [f"/{name}{number}.mp4" for number in range(len(right))]
    table = pd.DataFrame({"path": paths, "label": label})
    if source is not None:
        table["source"] = source
    score = np.where(right, 0.9, 0.1)
    predicted = ["a" if hit else "b" for hit in right]
    table = table.assign(predicted=predicted, a=score, b=1 - score)
    table.to_csv(folder / f"predictions{split}.csv", index=False)
    (folder / f"metrics{split}.json").write_text("{}")
    return folder


def write_spread(folder, runs):
    """A folder of several runs; ``runs`` has (seed, fold) and which videos are right."""
    rows = []
    for (seed, fold), right in runs.items():
        write_run(folder / f"x_{seed}_{fold}", right, name=f"fold{fold}_")
        rows.append({"run": f"x_{seed}_{fold}", "seed": seed, "fold": fold, "error": ""})
    pd.DataFrame(rows).to_csv(folder / "spread.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def folds(synthetic, tmp_path_factory):
    """The synthetic manifest with a column of two folds, each with all classes."""
    rows = pd.read_csv(synthetic)
    rows = rows.assign(path=[str(synthetic.parent / path) for path in rows["path"]])
    rows["fold"] = rows.groupby("label").cumcount() % 2
    file = tmp_path_factory.mktemp("folds") / "videos.csv"
    rows.to_csv(file, index=False)
    return file


def test_seeds_and_folds_are_one_request_that_resumes(folds, tmp_path, capsys, monkeypatch):
    words = ["spread", "--manifest", folds, "--out", tmp_path / "out", "--seeds", "0", "3", "--workers", "1", *TINY]
    words += ["--split-column", "fold", "--test-folds", "0", "1", "--no-dnr", "--cache-dir", "", "--json"]
    code, out, err = call(capsys, *words)
    assert code == 0, err
    result = json.loads(out)
    names = [f"demo_seed{seed}_fold{fold}" for seed in (0, 3) for fold in (0, 1)]
    assert [row["run"] for row in result["runs"]] == names
    assert all((tmp_path / "out" / name / "metrics.json").is_file() for name in names)
    table = pd.read_csv(tmp_path / "out" / "spread.csv")
    assert table["run"].tolist() == names
    (top1, _) = result["summary"]
    expected = run_interval(table.groupby("fold")["top1"].mean())
    assert (top1["mean"], top1["n"]) == (expected.mean, 2)
    assert (top1["low"], top1["high"]) == pytest.approx((expected.low, expected.high))
    assert top1["over"] == "2 folds, each the mean of its 2 seeds"
    assert pd.read_csv(tmp_path / "out" / "spread_summary.csv")["measure"].tolist() == ["top1", "top5"]

    def fails(*_, **__):
        raise AssertionError("nothing is to be done")

    monkeypatch.setattr("dnrlab.training.train.train_epoch", fails)
    monkeypatch.setattr(import_module("dnrlab.evaluation.evaluate").Scorer, "of_views", fails)
    code, out, _ = call(capsys, *words)
    assert (code, json.loads(out)) == (0, result)
    code, out, err = call(capsys, *words[:-1], "--lr", "0.2")
    assert code == 1
    assert "got another:" in err
    code, out, _ = call(capsys, "compare", tmp_path / "out", tmp_path / "out", "--json")
    same = json.loads(out)
    assert (same["difference"], same["videos"], same["smallest_difference"]) == (0, 40, None)
    assert same["between_runs"][0]["over"] == "2 folds, each the mean of its 2 seeds"
    run = tmp_path / "out" / names[1]
    before = json.loads((run / "metrics.json").read_text())
    fold = ["--manifest", folds, "--split-column", "fold", "--test-fold", "1", "--cache-dir", "", "--json"]
    code, out, err = call(capsys, "evaluate", run, *fold)
    assert (code, json.loads(out)) == (0, before), err
    assert "20 of 20 videos have scores already" in err  # what the spread kept
    assert before["evaluated"] == "evaluated 20 of 20"


def test_the_interval_of_one_run_is_over_its_videos(synthetic, tmp_path, capsys):
    words = ["spread", "--manifest", synthetic, "--out", tmp_path, "--no-dnr", "--cache-dir", "", "--workers", "1"]
    code, out, err = call(capsys, *words, *TINY, "--json")
    assert code == 0, err
    top1 = json.loads(out)["summary"][0]
    table = pd.read_csv(tmp_path / "demo_seed0" / "predictions.csv")
    expected = mean_interval(table["label"] == table["predicted"])
    assert (top1["mean"], top1["low"], top1["high"], top1["n"]) == tuple(expected)
    assert top1["over"] == "10 videos"
    text = call(capsys, *words, *TINY)[1]
    assert "demo_seed0" in text
    assert "10 videos" in text


def test_videos_whose_source_is_not_known_are_each_their_own(tmp_path):
    right = np.arange(40) % 2
    (found, over) = over_videos(write_run(tmp_path, right, source=["s", "s", *[""] * 38]), "test")["top1"]
    assert over == "40 videos of 39 sources"
    assert 0.1 < found.high - found.low < 0.4


def test_over_what_an_interval_is_on_worked_examples():
    runs = pd.DataFrame({"seed": [0, 1, 0, 1], "fold": ["a", "a", "b", "b"], "top1": [0.4, 0.6, 0.7, 0.7]})
    found, over = over_runs(runs, "top1")
    assert (found.mean, found.n) == (pytest.approx(0.6), 2)
    assert over == "2 folds, each the mean of its 2 seeds"
    assert over_runs(runs.assign(seed=0)[::2], "top1")[1] == "2 folds"
    found, over = over_runs(runs.assign(seed=range(4), fold=""), "top1")
    assert found == run_interval(runs["top1"])
    assert over == "4 seeds"


def test_two_runs_are_compared_video_by_video(tmp_path, capsys):
    first = np.arange(200) % 4 == 0
    second = first | (np.arange(200) % 10 == 1)
    write_run(tmp_path / "a", first, source=np.arange(200) // 2, split="_val")
    write_run(tmp_path / "b", second, source=np.arange(200) // 2, split="_val")
    code, out, _ = call(capsys, "compare", tmp_path / "a", tmp_path / "b", "--split", "val", "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["baseline_top1"], result["other_top1"]) == (0.25, pytest.approx(0.25 + 20 / 200))
    assert result["difference"] == pytest.approx(0.1)
    assert 0.05 < result["low"] < 0.1 < result["high"] < 0.15
    assert (result["videos"], result["sources"]) == (200, 100)
    assert 0.05 < result["smallest_difference"] < 0.07  # 2.8 standard errors of 0.0211
    assert "between_runs" not in result
    text = call(capsys, "compare", tmp_path / "a", tmp_path / "b", "--split", "val")[1]
    assert "difference: 0.1" in text


def test_videos_of_one_source_count_once_in_a_comparison(tmp_path):
    first, second = np.zeros(200, bool), np.arange(200) < 40
    found = {}
    for name, source in (("alone", None), ("together", np.arange(200) // 20)):
        write_run(tmp_path / name / "a", first, source=source)
        write_run(tmp_path / name / "b", second, source=source)
        found[name] = compare_results(tmp_path / name / "a", tmp_path / name / "b")
    alone, together = (found[name].difference for name in ("alone", "together"))
    assert alone.mean == together.mean == 0.2
    assert together.high - together.low > 3 * (alone.high - alone.low)
    assert found["together"].smallest > 3 * found["alone"].smallest
    assert (found["alone"].sources, found["together"].sources) == (0, 10)


def test_spreads_are_compared_run_by_run(tmp_path):
    right = {(0, 0): [1, 0, 0, 1], (1, 0): [1, 1, 0, 0], (0, 1): [0, 0], (1, 1): [1, 0]}
    first = write_spread(tmp_path / "a", right)
    second = write_spread(tmp_path / "b", {**right, (1, 1): [1, 1], (0, 0): [1, 1, 1, 1]})
    found = compare_results(first, second)
    assert found.difference.n == 6  # videos, each scored by two seeds
    assert found.difference.mean == pytest.approx((0.5 + 0.5 + 0.5) / 6)
    assert found.runs["difference"].tolist() == [0.5, 0, 0, 0.5]
    rows = pd.read_csv(second / "spread.csv")
    rows[1:].to_csv(second / "spread.csv", index=False)
    with pytest.raises(
        ValueError, match=r"expected the same seeds and folds in both, got seed 0 fold 0 only in .*a; train"
    ):
        compare_results(first, second)
    with pytest.raises(ValueError, match=r"a single run only in .*x_0_0"):
        compare_results(first, first / "x_0_0")


def test_results_with_a_video_twice_or_without_columns_are_refused(tmp_path):
    """A video that both have n times would pair n x n rows."""
    for name in ("a", "b"):
        write_run(tmp_path / name, [1, 0, 1])
    file = tmp_path / "b" / "predictions.csv"
    rows = pd.read_csv(file)
    pd.concat([rows, rows.iloc[:1]]).to_csv(file, index=False)
    with pytest.raises(ValueError, match=r"each video once in the results of .*b, got /video0\.mp4 again"):
        compare_results(tmp_path / "a", tmp_path / "b")
    for column in ("label", "path"):
        rows.drop(columns=column).to_csv(file, index=False)
        with pytest.raises(ValueError, match=rf"predictions\.csv, got one that cannot be read \(KeyError: .*{column}"):
            compare_results(tmp_path / "a", tmp_path / "b")


def test_results_of_different_videos_are_refused(tmp_path, capsys):
    write_run(tmp_path / "a", [1, 0, 1])
    write_run(tmp_path / "b", [1, 0])
    write_run(tmp_path / "c", [1, 0, 1], label="b")
    code, _, err = call(capsys, "compare", tmp_path / "a", tmp_path / "b")
    assert code == 1
    assert f"the same videos, got 1 only in {tmp_path / 'a'} (the first: /video2.mp4); evaluate both" in err
    assert (
        "3 that differ (the first: /video0.mp4 has 'a' in" in call(capsys, "compare", tmp_path / "a", tmp_path / "c")[2]
    )
    shutil.rmtree(tmp_path / "c")
    printed = call(capsys, "compare", tmp_path / "a", tmp_path / "c")[2]
    assert (
        f"expected results of split 'test' in {tmp_path / 'c'}, got no such files; evaluate that run first" in printed
    )
