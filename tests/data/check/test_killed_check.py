"""A check that is killed leaves no process behind, and the same call goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from tests.helpers.encoding import encoded, noise
from tests.helpers.paths import PROJECT
from tests.helpers.waiting import processes_of, wait_for

FILES = 120
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """A manifest of many files, and processes that can be found by their environment."""
    monkeypatch.setenv("MARK", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    content = encoded(tmp_path / "video.mp4", noise()).read_bytes()
    for number in range(FILES):
        (tmp_path / f"{number}.mp4").write_bytes(content + bytes(number))  # other bytes, the same video
    rows = pd.DataFrame({"path": [f"{number}.mp4" for number in range(FILES)], "label": "noise", "split": "train"})
    rows.to_csv(tmp_path / "videos.csv", index=False)
    return tmp_path / "videos.csv"


def start(manifest):
    command = [sys.executable, "-m", "dnrlab", "manifest", "check", str(manifest), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


def kill(manifest, number, seconds):
    """Start a check, end it by a signal some time after its first new row, and wait until nothing is left of it."""
    report, process = manifest.with_name("videos.checked.csv"), start(manifest)
    rows = report.read_bytes().count(b"\n") if report.is_file() else 1  # the header
    wait_for(lambda: process.poll() is not None or (report.is_file() and report.read_bytes().count(b"\n") > rows))
    time.sleep(seconds)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    wait_for(lambda: not processes_of(manifest.parent), seconds=30)
    return process.returncode, errors


def goes_on(manifest):
    """The same call again, to its end."""
    done = start(manifest)
    result = json.loads(done.communicate(timeout=240)[0])
    assert (done.returncode, result["good"], result["bad"]) == (0, FILES, 0)
    return result["decoded"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_behind_and_the_same_call_goes_on(manifest, number):
    code, errors = kill(manifest, number, 0.1)
    if number == signal.SIGTERM:
        assert code == 128 + number
        assert "ended by a signal; train" in errors
        assert "Traceback" not in errors
    assert 0 < goes_on(manifest) < FILES


@pytest.mark.slow
def test_twenty_kills(manifest):
    rng = np.random.default_rng(0)
    for number in range(20):
        kill(manifest, [signal.SIGTERM, signal.SIGKILL][number % 2], rng.uniform(0, 0.3))
    goes_on(manifest)
    assert not list(manifest.parent.glob(".*"))  # no temporary file
