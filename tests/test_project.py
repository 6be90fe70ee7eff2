"""The project's own promises: one set of versions, one set of parts that know each other, a guard that guards."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from dnrlab.torchvision_guard import guard_torchvision, operators_load
from tests.conftest import PROJECT

CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}
PIP_ONLY = ("decord", "eva-decord", "grad-cam")


def requirement(line):
    name, versions = re.fullmatch(r"([\w-]+)([^;]*);?.*", line).groups()
    return name, versions.strip()


def test_environment_yml_has_the_versions_of_pyproject():
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((PROJECT / "environment.yml").read_text())["dependencies"]
    ours = dict(requirement(line) for line in pyproject["dependencies"])
    pip = next(part["pip"] for part in conda if isinstance(part, dict))
    theirs = dict(requirement(line) for line in conda if isinstance(line, str))
    assert theirs.pop("python") == pyproject["requires-python"]
    theirs.pop("pip")
    from_pip = dict(requirement(line) for line in pip if not line.startswith("-e"))
    assert "-e ." in pip
    assert from_pip == {name: ours[name] for name in PIP_ONLY}
    assert theirs == {CONDA_NAMES.get(name, name): ours[name] for name in ours if name not in PIP_ONLY}


def test_platform_markers_are_the_same_in_both():
    lines = (PROJECT / "pyproject.toml").read_text() + (PROJECT / "environment.yml").read_text()
    markers = re.findall(r"((?:eva-)?decord>=[^;]*; .*?)\"?,?\n", lines)
    assert len(markers) == 4
    assert markers[:2] == markers[2:]


LAYERS = ["relay", "models", "training evaluation explain runs", "batch", "cli demo"]


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dnrlab."):
            yield node.module.split(".")[1]


def rank(part):
    return next((index for index, parts in enumerate(LAYERS) if part in parts.split()), None)


def test_parts_know_only_the_parts_below_them():
    for path in (PROJECT / "dnrlab").rglob("*.py"):
        part = path.relative_to(PROJECT / "dnrlab").parts[0].removesuffix(".py")
        for other in imports_of(path):
            if part == "data":
                assert other in ("data", "files", "processes", "torchvision_guard"), path
            elif rank(part) is not None and rank(other) is not None:
                assert rank(other) <= rank(part), path
    for path in (PROJECT / "dnrlab" / "plots").rglob("*.py"):
        assert set(imports_of(path)) <= {"plots"}, path


def test_files_are_short_and_raise_no_assertions():
    for path in (PROJECT / "dnrlab").rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text))), path


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_torchvision_can_be_imported_after_the_guard():
    done = python(
        "from dnrlab.torchvision_guard import guard_torchvision; guard_torchvision();"
        "import torchvision.models, torchvision.transforms.v2, pytorch_grad_cam"
    )
    assert done.returncode == 0, done.stderr


def test_the_guard_declares_only_what_is_missing():
    assert (guard_torchvision() is None) == operators_load()
    if operators_load():
        pytest.skip("torchvision's operators load here: there is nothing to declare")
    assert "torchvision::nms" in python("import torchvision").stderr


def test_importing_the_package_imports_nothing_heavy():
    heavy = ["torchvision", "pytorch_grad_cam", "papermill", "seaborn", "pandas", "decord", "sklearn", "matplotlib"]
    done = python(f"import sys, dnrlab; print([name for name in {heavy} if name in sys.modules])")
    assert done.stdout.strip() == "[]"
