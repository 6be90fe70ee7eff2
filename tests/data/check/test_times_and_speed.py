"""What a check says of files that are read slowly, and of time spans under a variable frame rate."""

import pandas as pd

from dnrlab.data.check.check import check_manifest
from dnrlab.data.decode.decord_reader import have_decord
from dnrlab.data.manifest import read_manifest
from tests.helpers.encoding import encoded, pictures


def test_files_that_are_read_slowly_are_counted_and_times_decide_which_spans_are_empty(tmp_path, caplog):
    encoded(tmp_path / "fast.mp4", pictures())
    encoded(tmp_path / "slow.avi", pictures(), "libx264", g="4", bf="0")
    milliseconds = [*range(0, 1000, 100), *range(1000, 1200, 20)]  # 10 frames per second, then 50
    encoded(tmp_path / "variable.mp4", pictures(), times=milliseconds, bf="0")
    table = pd.DataFrame({"path": ["fast.mp4", "slow.avi", "variable.mp4", "variable.mp4"], "label": "run"})
    table["start_seconds"], table["end_seconds"] = [0, 0, 1.1, 1.3], [1, 1, 1.2, 1.4]
    table.to_csv(tmp_path / "videos.csv", index=False)
    manifest = read_manifest(tmp_path / "videos.csv")
    check = check_manifest(manifest)
    assert check.errors["reason"].tolist() == [
        "expected frames from 1.3 s to 1.4 s, got none (the video has 20 frames at 16.1 per second); correct the times"
    ]
    slow = [warning for warning in check.warnings if "read slowly" in warning]
    assert len(slow) == 1
    assert slow[0].startswith("1 of 3 files") == have_decord()
    assert ("slow.avi: decord does not find" in slow[0]) == have_decord()
    earlier = check.report_file.read_text().replace(",times,seeks,", ",")  # a report of an earlier version
    check.report_file.write_text(earlier)
    with caplog.at_level("INFO", "dnrlab"):
        assert check_manifest(manifest).decoded == 3
    assert "videos.checked.csv is of an earlier version: its files are checked again" in caplog.text
