"""The demo and its promises."""

import json
import subprocess
import sys

import pytest

from dnrlab.demo import table
from tests.conftest import PROJECT

ROW = {"top1": 0.5, "pair": 0.75, "within_pair": 2 / 3}


def test_the_table_has_a_line_for_each_network():
    lines = table(dict.fromkeys(("bn", "bn_interlaced", "relay", "dnr"), ROW)).splitlines()
    assert len(lines) == 6
    assert lines[1].split() == ["batch", "norm", "0.50", "0.75", "0.67"]


@pytest.mark.slow
def test_the_demo_keeps_its_promises(tmp_path):
    command = [sys.executable, "-m", "dnrlab.demo", "--out", str(tmp_path / "demo")]
    subprocess.run(command, cwd=PROJECT, check=True)
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert abs(summary["bn"]["within_pair"] - 0.5) <= 0.08  # it cannot see order
    assert summary["bn"]["pair"] >= 0.5
    assert summary["relay"]["within_pair"] >= 0.85
    assert summary["relay"]["top1"] >= 0.6
    assert {"bn", "bn_interlaced", "relay", "dnr"} <= set(summary)
    assert len(summary["figures"]) >= 5
