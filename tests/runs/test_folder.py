"""A run folder: its files by name, and what is missing is named."""

import shutil

import pytest
from safetensors.torch import load_file, save_file

from dnrlab.data.manifest import read_manifest
from dnrlab.evaluation import read_results
from dnrlab.runs.folder import CHECKPOINT, CONFIG, HISTORY, METRICS, VIEW_SCORES, WEIGHTS, file_of_split
from dnrlab.runs.load import load_run
from dnrlab.training.train import train
from tests.helpers.trainings import tiny


@pytest.mark.parametrize(
    ("name", "split", "expected"),
    [
        (METRICS, "test", "metrics.json"),
        (METRICS, "val", "metrics_val.json"),
        (METRICS, "", "metrics_all.json"),
        (VIEW_SCORES, "my split/1", "view_scores_my_split_1.npy"),
    ],
)
def test_a_result_file_carries_its_split(name, split, expected):
    assert file_of_split("run", name, split).as_posix() == f"run/{expected}"


@pytest.mark.parametrize(
    ("missing", "message"),
    [(CONFIG, "a run folder with config.json at"), (WEIGHTS, "trained weights at .*best.safetensors")],
)
def test_what_a_run_folder_lacks_is_named(finished, tmp_path, missing, message):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"expected {message}.*, got no such files?; .*first|it first"):
        load_run(folder)


CONTENTS = [b"", b"{}", b"[]", b"\0" * 64, None]  # None: the first half of the file


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_file_of_a_run_that_cannot_be_read_is_named_with_what_to_do(finished, tmp_path, name, content):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ValueError, match=rf"{name}.*; copy it again, or remove the run folder and train again"):
        load_run(folder)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", [CHECKPOINT, HISTORY])
def test_a_training_names_a_file_that_it_cannot_resume_from(finished, synthetic, tmp_path, name, content):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    if name == HISTORY and content is None:
        return  # half a table is a table
    with pytest.raises(ValueError, match=rf"{name}.*; remove it.*; the training then starts again"):
        train(tiny(), read_manifest(synthetic), folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 64])
@pytest.mark.parametrize("name", ["metrics.json", "predictions.csv"])
def test_results_that_cannot_be_read_are_named_with_what_to_do(tmp_path, name, content):
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "predictions.csv").write_text("path,label,predicted,score:a\nx.mp4,a,a,1.0\n")
    assert read_results(tmp_path, "test") is not None
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}.*; evaluate the run again"):
        read_results(tmp_path, "test")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(finished, tmp_path, value):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    weights = load_file(folder / WEIGHTS)
    weights["layer2.0.conv1.weight"][0] = value
    save_file(weights, folder / WEIGHTS)
    with pytest.raises(ValueError, match=r"got nan or inf in layer2.0.conv1.weight; the training has diverged"):
        load_run(folder)
