"""A run folder: its files by name, and what is missing is named."""

import shutil

import pytest

from dnrlab.runs.folder import CONFIG, METRICS, VIEW_SCORES, WEIGHTS, file_of_split
from dnrlab.runs.load import load_run


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
