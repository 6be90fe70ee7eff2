"""Planted faults: each still fits the code, and is noticed by the tests that it names."""

import subprocess

import pytest

from tests.faults.plant import FOLDER, caught_by, faults
from tests.helpers.paths import PROJECT


def test_there_are_at_least_twenty_faults_over_all_parts():
    texts = [(FOLDER / f"{fault.name}.patch").read_text() for fault in faults()]
    parts = {line.split("/")[2] for text in texts for line in text.splitlines() if line.startswith("+++ b/dnrlab/")}
    assert len(texts) >= 20
    assert {"relay", "models", "data", "recipes", "training", "evaluation", "explain", "bench", "cli"} <= parts


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_fits_the_code_and_names_tests_that_exist(fault):
    patch = ["git", "apply", "--check", "--unidiff-zero", str(FOLDER / f"{fault.name}.patch")]
    done = subprocess.run(patch, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}make the patch anew for the code as it is now"
    assert all((PROJECT / test.split("::")[0]).is_file() for test in fault.tests)


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_is_noticed(fault):
    assert caught_by(fault), f"no test of {fault.tests} fails with this fault: {fault.what}"
