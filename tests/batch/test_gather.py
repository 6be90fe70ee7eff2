"""Results of a batch: one row per run, intervals over seeds and folds, and differences between equal runs."""

import json
from pathlib import Path

import pandas as pd
import pytest

from dnrlab.batch.gather import gather
from dnrlab.batch.index import Index, read_index, write_index
from dnrlab.batch.intervals import differences_of, summary_of
from dnrlab.batch.run import Run, Runs, Step
from dnrlab.batch.state import State, state_file, write_state
from dnrlab.findings import of_batch

RESULTS = pd.DataFrame(
    {
        "run": list("abcdef"),
        "state": ["done"] * 5 + ["failed"],
        "dnr": [False, True, False, True, False, True],
        "seed": [0, 0, 1, 1, 2, 2],
        "top1": [0.5, 0.7, 0.6, 0.7, 0.9, float("nan")],
    }
)
VARIED = ("dnr", "seed")
OUT = Path("nowhere")


def test_means_and_intervals_are_over_the_seeds_of_finished_runs():
    table = summary_of(RESULTS, VARIED, OUT)
    assert table["dnr"].tolist() == [False, True]
    assert table["mean"].tolist() == pytest.approx([2 / 3, 0.7])
    assert table["n"].tolist() == [3, 2]
    assert table["over"].tolist() == ["3 seeds", "2 seeds"]
    half = 4.3027 * 0.208167 / 3**0.5  # Student's t with two degrees of freedom
    assert table["high"][0] - table["mean"][0] == pytest.approx(half, abs=1e-3)


def test_differences_are_over_pairs_with_the_same_seed():
    (row,) = differences_of(RESULTS, VARIED, OUT).to_dict("records")
    assert (row["compared"], row["with"], row["without"], row["n"]) == ("dnr", True, False, 2)
    assert row["mean"] == pytest.approx(0.15)


def test_differences_stay_within_the_other_settings():
    rows = [("a", name, dnr, value) for name, dnr, value in
            [("tsn", False, 0.1), ("tsn", True, 0.4), ("tsm", False, 0.5), ("tsm", True, 0.6)]]  # fmt: skip
    table = pd.DataFrame(rows, columns=["run", "case", "dnr", "top1"]).assign(state="done")
    found = differences_of(table, ["case", "dnr"], OUT)
    of_dnr = found[found["compared"] == "dnr"]
    assert of_dnr["case"].tolist() == ["tsn", "tsm"]
    assert of_dnr["mean"].tolist() == pytest.approx([0.3, 0.1])
    of_case = found[found["compared"] == "case"]
    assert of_case["mean"].tolist() == pytest.approx([0.4, 0.2])


def test_sentences_of_two_factors_name_only_the_other_one():
    rows = [("a", name, dnr, value) for name, dnr, value in
            [("tsn", False, 0.1), ("tsn", True, 0.4), ("tsm", False, 0.5), ("tsm", True, 0.4)]]  # fmt: skip
    table = pd.DataFrame(rows, columns=["run", "case", "dnr", "top1"]).assign(state="done")
    differences = differences_of(table, ["case", "dnr"], OUT)
    differences.loc[differences["mean"] == 0, ["low", "high"]] = 0  # over videos, the same prediction for each
    sentences = of_batch(table, summary_of(table, ["case", "dnr"], OUT), differences)
    assert sentences[2:] == [
        "Top-1 with case tsm instead of tsn, for dnr False: +0.400 (1 seed).",
        "Top-1 with case tsm instead of tsn, for dnr True: no difference (1 seed).",
        "Top-1 with dnr True instead of False, for case tsn: +0.300 (1 seed).",
        "Top-1 with dnr True instead of False, for case tsm: -0.100 (1 seed).",
    ]


def test_a_grid_with_one_factor_and_no_seeds_has_differences(tmp_path):
    table = pd.DataFrame({"run": ["a", "b"], "state": "done", "case": ["bn", "dnr"], "top1": [0.2, 0.5]})
    (row,) = differences_of(table, ["case"], OUT).to_dict("records")
    assert row["mean"] == pytest.approx(0.3)
    assert pd.isna(row["low"])


def test_sentences_say_the_best_and_each_difference():
    results = RESULTS
    sentences = of_batch(results, summary_of(results, VARIED, OUT), differences_of(results, VARIED, OUT))
    assert sentences[0] == "5 of 6 runs finished, 1 failed."
    assert sentences[1].startswith("Highest top-1: 0.700 [")
    assert sentences[1].endswith("for dnr True (2 seeds).")
    assert sentences[2].startswith("Top-1 with dnr True instead of False: +0.150 [")


def test_single_runs_have_intervals_over_their_videos(tmp_path):
    for name, right in (("a", [1, 1, 0, 0] * 10), ("b", [1, 1, 1, 0] * 10)):
        (tmp_path / name).mkdir()
        predicted = ["x" if each else "y" for each in right]
        scores = {
            "score:x": [0.9 if each else 0.1 for each in right],
            "score:y": [0.1 if each else 0.9 for each in right],
        }
        videos = {"path": [f"{number}.mp4" for number in range(40)], "label": "x", "predicted": predicted}
        pd.DataFrame(videos | scores).to_csv(tmp_path / name / "predictions.csv", index=False)
        (tmp_path / name / "metrics.json").write_text("{}")
    table = pd.DataFrame(
        {"state": "done", "case": ["bn", "dnr"], "top1": [0.5, 0.75], "folder": ["a", "b"], "split": "test"}
    )
    summary = summary_of(table, ["case"], tmp_path)
    assert summary["over"].tolist() == ["40 videos"] * 2
    assert 0.3 < summary["low"][0] < 0.5
    (row,) = differences_of(table, ["case"], tmp_path).to_dict("records")
    assert (row["mean"], row["over"]) == (0.25, "40 videos")
    assert 0.1 < row["low"] < 0.25 < row["high"] < 0.4


def run(out, name, varied):
    step = Step(name="02", notebook=out / "02.ipynb", parameters={"run_dir": str(out / name), **varied})
    return Run(name=name, folder=out / name, varied=varied, steps=(step,))


def test_results_hold_parameters_metrics_seconds_and_versions(tmp_path):
    first, second = run(tmp_path, "seed0", {"seed": 0, "groups": ["a"]}), run(tmp_path, "seed1", {"seed": 1})
    index = Index(title="t", grid="g", runs=Runs([first, second], None))
    first.folder.mkdir()
    given = first.steps[0].parameters
    state = State(state="done", parameters=given, seconds=3.5, machine={"host": "h", "torch": "2"})
    write_state(state_file(first, first.steps[0]), state)
    (first.folder / "metrics.json").write_text(json.dumps({"top1": 0.25, "videos": 8, "skipped": 1}))
    (first.folder / "history.csv").write_text("epoch,loss,seconds\n0,2.0,10\n1,1.5,12\n")
    table = gather(tmp_path, index).results
    assert table["run"].tolist() == ["seed0", "seed1"]
    assert table["state"].tolist() == ["done", "waiting"]
    columns = ["seed", "groups", "top1", "videos", "loss", "training_seconds", "seconds", "torch"]
    assert table.loc[0, columns].tolist() == [0, '["a"]', 0.25, 8, 1.5, 22, 3.5, "2"]
    assert pd.read_csv(tmp_path / "results.csv")["folder"].tolist() == ["seed0", "seed1"]
    other = Runs([run(tmp_path, "seed0", {"seed": 5})], None)  # the grid has changed; the run has not
    assert gather(tmp_path, Index(title="t", grid="g", runs=other)).results["state"].tolist() == ["waiting"]


def test_the_list_of_runs_is_read_back_and_names_of_other_folders_are_refused(tmp_path):
    index = Index(title="t", grid="g", runs=Runs([run(tmp_path, "seed0", {"seed": 0})], None))
    write_index(tmp_path, index)
    again = read_index(tmp_path)
    assert (again.title, again.runs.runs[0].name, again.runs.runs[0].folder) == ("t", "seed0", tmp_path / "seed0")
    values = json.loads((tmp_path / "batch.json").read_text())
    values["runs"][0]["name"] = "../elsewhere"
    (tmp_path / "batch.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=r"expected a name without folders, got '\.\./elsewhere'"):
        read_index(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected a batch with batch\.json"):
        read_index(tmp_path / "none")
