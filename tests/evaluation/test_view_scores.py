"""An evaluation that is killed goes on where it stopped; one of something else starts anew."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dnrlab import DNRConfig
from dnrlab.data.config import DataConfig
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation import EvalConfig, read_scores, write_results
from dnrlab.models.config import ModelConfig
from tests.helpers.evaluations import VIEWS, assert_same, evaluated
from tests.helpers.full_disk import fill_disk
from tests.helpers.paths import PROJECT


def test_an_evaluation_killed_at_once_goes_on_where_it_stopped(synthetic, tmp_path, caplog):
    keep = tmp_path / "view_scores.npy"
    code = "from pathlib import Path; from tests.helpers.evaluations import evaluated\n"
    code += f"evaluated({str(synthetic)!r}, Path({str(keep)!r}), pause=0.3)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and scored(keep) < 3:
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done, reads = scored(keep), []
    assert 3 <= done < 10
    with caplog.at_level(logging.INFO, "dnrlab"):
        resumed = evaluated(synthetic, keep, reads=reads)
    assert len(reads) == 10 - done
    assert f"{done} of 10 videos have scores already" in caplog.text
    assert_same(resumed, evaluated(synthetic, None))
    assert not evaluated(synthetic, keep, reads=(again := [])).skipped.size
    assert again == []  # nothing is left to do


def scored(keep):
    """Rows of a file that is being written; 0 before it is there."""
    if not keep.with_suffix(".json").is_file():
        return 0
    return int((~np.isnan(read_scores(keep)[0]).any(axis=(1, 2))).sum())


def test_the_file_holds_the_scores_of_every_view(synthetic, tmp_path):
    keep = tmp_path / "view_scores.npy"
    found = evaluated(synthetic, keep)
    scores, facts = read_scores(keep)
    assert (scores.shape, scores.dtype) == ((10, 6, 10), np.float32)
    mean = scores.mean(axis=1, dtype=np.float64)
    np.testing.assert_array_equal(found.videos.iloc[:, -10:].to_numpy(dtype=float), mean)
    assert facts["views"] == {"num_clips": 2, "num_crops": 3}
    assert {"model", "weights", "rows", "data", "classes", "arithmetic", "versions"} < set(facts)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"scale": 2.0}, "weights"),
        ({"split": "val"}, "rows"),
        ({"data": DataConfig(sampling="segments", num_frames=4, short_side=20, crop_size=12)}, "data"),
        ({"views": EvalConfig(num_clips=3, num_crops=3)}, "views"),
        ({"model": ModelConfig(dnr=DNRConfig(relay_distance=4))}, "model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_scores_of_something_else_are_not_gone_on_with(synthetic, tmp_path, caplog, changes, what):
    keep, reads = tmp_path / "view_scores.npy", []
    evaluated(synthetic, keep)
    with caplog.at_level(logging.INFO, "dnrlab"):
        found = evaluated(synthetic, keep, reads=reads, **changes)
    assert len(reads) == 10
    assert f"have other {what}: all videos are scored again" in caplog.text
    assert_same(found, evaluated(synthetic, None, **changes))


def test_another_number_of_views_at_a_time_goes_on(synthetic, tmp_path):
    keep, reads = tmp_path / "view_scores.npy", []
    evaluated(synthetic, keep)
    evaluated(synthetic, keep, reads=reads, views=EvalConfig(num_clips=2, num_crops=3, batch_size=1))
    assert reads == []


def test_a_file_cut_short_or_without_its_facts_starts_anew(synthetic, tmp_path):
    keep = tmp_path / "view_scores.npy"
    expected = evaluated(synthetic, keep)
    for spoil in (keep.with_suffix(".json").unlink, lambda: keep.write_bytes(keep.read_bytes()[:200]), keep.unlink):
        spoil()
        reads = []
        assert_same(evaluated(synthetic, keep, reads=reads), expected)
        assert len(reads) == 10


def test_unreadable_videos_are_tried_again_and_the_count_stays_right(synthetic, tmp_path):
    rows = select(read_manifest(synthetic), "test").rows
    late, whole = tmp_path / "late.mp4", Path(rows["path"][4]).read_bytes()
    late.write_bytes(whole[: len(whole) // 3])
    rows.loc[[1, 4], "path"] = [str(tmp_path / "gone.mp4"), str(late)]
    rows.to_csv(tmp_path / "videos.csv", index=False)
    keep, file = tmp_path / "view_scores.npy", tmp_path / "videos.csv"
    classes = read_manifest(file).classes
    first = evaluated(file, keep)
    for expected in ("evaluated 8 of 10", "evaluated 9 of 10"):
        result = write_results(tmp_path, evaluated(file, keep), classes, VIEWS, manifest="videos.csv", split="test")
        assert result["evaluated"] == expected
        late.write_bytes(whole)
    assert list(first.skipped["path"]) == [str(tmp_path / "gone.mp4"), str(late)]
    skipped = pd.read_csv(tmp_path / "skipped.csv")
    assert list(skipped["path"]) == [str(tmp_path / "gone.mp4")]
    assert json.loads((tmp_path / "metrics.json").read_text())["skipped"] == 1


def test_a_network_that_has_diverged_is_an_error(synthetic, tmp_path):
    with pytest.raises(ValueError, match="expected finite scores, got nan or inf; the network has diverged"):
        evaluated(synthetic, tmp_path / "view_scores.npy", scale=float("nan"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_an_error_before_any_video_is_scored(synthetic, tmp_path, monkeypatch):
    fill_disk(monkeypatch, "view_scores.npy")
    reads = []
    with pytest.raises(OSError, match=r"view_scores.npy could not be written .*free space"):
        evaluated(synthetic, tmp_path / "view_scores.npy", reads=reads)
    assert reads == []


def test_scores_are_not_written_through_a_link_nor_into_a_file_of_another_type(synthetic, tmp_path):
    keep, other = tmp_path / "view_scores.npy", tmp_path / "other.npy"
    found = evaluated(synthetic, keep)
    np.save(keep, np.full((10, 6, 10), "text"))
    assert_same(evaluated(synthetic, keep), found)
    keep.rename(other)
    stored = other.read_bytes()
    keep.symlink_to(other)
    with pytest.raises(OSError, match="expected a file of its own, got a link"):
        evaluated(synthetic, keep)
    assert other.read_bytes() == stored
