"""Threads that wait for each other spin shortly: the setting is made before torch loads, and inherited."""

import os
import subprocess
import sys

import pytest

from dnrlab.bench.threads import measure_spins

CODE = "import os, dnrlab; print(os.environ.get('GOMP_SPINCOUNT'))"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "1500"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
    ids=["unset", "own count", "own policy"],
)
def test_a_short_spin_is_set_where_nothing_else_is(given, expected):
    unset = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run([sys.executable, "-c", CODE], env=unset | given, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_it_is_set_before_torch_loads():
    code = "import sys, dnrlab; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_steps_are_timed_in_turns():
    table = measure_spins([0, 1000], [0, 1], rounds=1, steps=1, warmup_steps=1)
    assert list(table[["spins", "busy"]].itertuples(index=False, name=None)) == [(0, 0), (1000, 0), (0, 1), (1000, 1)]
    assert (table["milliseconds"] > 0).all()


@pytest.mark.slow
def test_beside_four_busy_processes_a_step_takes_at_most_ten_times_as_long():
    table = measure_spins([1500], [0, 4], rounds=5, steps=5)
    idle, busy = table.groupby("busy")["milliseconds"].median()
    assert busy <= 10 * idle
