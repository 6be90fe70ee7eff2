"""Planted faults: every patch in this folder breaks one thing, and the tests that it names must notice.

    python -m tests.faults.plant [NAME ...]

A patch begins with two lines, ``Fault: what is wrong`` and ``Tests: files, or tests in them, that should fail``. Each
patch is applied to a copy of the project, one at a time. Prints which test caught it. The exit code is 1 if a fault
went unnoticed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.helpers.paths import PROJECT

FOLDER = Path(__file__).parent
COPIED = ("dnrlab", "tests", "notebooks", "data_manifests", "pyproject.toml", "README.md", "Makefile")


class Fault(NamedTuple):
    """A patch, what it breaks, and the tests that should see it."""

    name: str
    what: str
    tests: list[str]


def faults():
    """All faults, by name."""
    found = []
    for patch in sorted(FOLDER.glob("*.patch")):
        what, tests = re.match(r"Fault: (.+)\nTests: (.+)\n", patch.read_text()).groups()
        found.append(Fault(patch.stem, what, tests.split()))
    return found


def copy_project(folder):
    """The parts of the project that tests need, without what was built or run."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        else:
            shutil.copyfile(source, folder / name)
    return folder


def apply(name, folder):
    """Apply a patch to a copy of the project."""
    patch = ["git", "apply", "--unidiff-zero", "--whitespace=nowarn", str(FOLDER / f"{name}.patch")]
    # A copy within a repository would be taken for a part of it.
    subprocess.run(patch, cwd=folder, check=True, env=os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)})


def caught_by(fault):
    """The first test that fails with the fault planted; empty if all pass.

    Raises: RuntimeError if the tests could not be run.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder = copy_project(Path(parent))
        apply(fault.name, folder)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", *fault.tests]
        environment = os.environ | {"PYTHONPATH": str(folder)}
        environment.pop("PYTEST_XDIST_WORKER", None)
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{fault.name}: expected tests that run, got exit code {done.returncode}:\n{done.stdout}")
    failed = re.search(r"^FAILED (\S+)|^ERROR (\S+)", done.stdout, re.M)
    return (failed[1] or failed[2]) if failed else ""


def main():
    """Plant the faults that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.plant", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="faults to plant; all by default")
    wanted = parser.parse_args().names
    unnoticed = 0
    for fault in faults():
        if not wanted or fault.name in wanted:
            test = caught_by(fault)
            unnoticed += not test
            print(f"{fault.name}: {test or 'NOT NOTICED'}", flush=True)
    sys.exit(1 if unnoticed else 0)


if __name__ == "__main__":
    main()
