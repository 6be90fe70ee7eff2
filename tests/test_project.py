"""The project's own promises: one set of versions, one set of parts that know each other, a guard that guards."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from dnrlab.torchvision_guard import guard_torchvision, operators_load
from tests.helpers.paths import PROJECT

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


LAYERS = [  # from the top: a part imports parts on lower lines; parts on one line do not know each other
    {"__main__"},
    {"cli", "demo"},
    {"batch", "explorer"},
    {"notebook"},
    {"choices"},
    {"experiments", "explain", "bench"},
    {"training"},
    {"evaluation"},
    {"runs"},
    {"recipes"},
    {"models", "data"},
    {"relay"},
    {"plots", "findings", "figures"},
    {"lock", "trusted"},
    {"compiling", "distributed", "device", "files", "limits", "text", "torchvision_guard", "paper"},
    {"parent"},
]
ONLY = {  # parts that may import less than all lower lines
    "relay": set(),
    "models": {"relay", "files", "torchvision_guard"},
    "data": {"lock", *LAYERS[-2], *LAYERS[-1]},
    "plots": set(),
    "findings": {"text"},
    "batch": LAYERS[3].union(*LAYERS[4:]) - {"training", "models", "relay", "explain"},
}
DATA = [  # the same rule within dnrlab/data
    {"overview", "loading"},
    {"dataset", "check"},
    {"video_span", "build"},
    {"config", "packed_rows", "cards"},
    {"decode", "manifest"},
    {"transforms", "sampling", "csv_table", "splits", "mirror", "synthetic"},
]


def imports_of(text, package):
    """Parts of ``package`` that a module imports, by whatever form of import, within functions too."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "expected absolute imports, got a relative one"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            if module == package and "." in package:
                yield "the package itself"  # by its name a module would reach all parts of it
            elif module.startswith(f"{package}.") and not module.startswith(f"{package}.__"):
                yield module.removeprefix(f"{package}.").split(".")[0]


def breaches(package, texts, layers, only):
    """What a set of modules imports against the rule; ``texts`` holds each module's source by its part and file."""
    line = {part: number for number, parts in enumerate(layers) for part in parts}
    found = []
    for (part, file), text in texts.items():
        if part not in line:
            found.append(f"{file}: {part} is on no line")
            continue
        for other in sorted({*imports_of(text, package)} - {part}):
            if other not in line:
                found.append(f"{file}: imports {other}, which is on no line")
            elif line[other] <= line[part] or other not in only.get(part, {other}):
                found.append(f"{file}: {part} imports {other}")
    return found


def sources(folder):
    """The source of every module below a package by (part, file), but for its own __init__.py."""
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*.py"))}
    return {
        (path.parts[0].removesuffix(".py"), path.as_posix()): file.read_text()
        for path, file in files.items()
        if path.as_posix() != "__init__.py"
    }


def test_parts_know_only_the_parts_below_them():
    assert breaches("dnrlab", sources(PROJECT / "dnrlab"), LAYERS, ONLY) == []


def test_the_parts_of_data_know_only_the_parts_below_them():
    assert breaches("dnrlab.data", sources(PROJECT / "dnrlab" / "data"), DATA, {}) == []


@pytest.mark.parametrize(
    "text",
    [
        "from dnrlab.training.train import train",
        "from dnrlab import training",
        "import dnrlab.training",
        "import dnrlab.training.train as t",
        "def f():\n    from dnrlab.training import train",
    ],
)
def test_the_rule_sees_every_form_of_import(text):
    assert breaches("dnrlab", {("models", "m.py"): text}, LAYERS, ONLY) == ["m.py: models imports training"]
    assert breaches("dnrlab", {("cli", "c.py"): text}, LAYERS, ONLY) == []


def test_some_parts_may_import_less_than_all_lower_lines():
    assert breaches("dnrlab", {("plots", "p.py"): "from dnrlab.text import count"}, LAYERS, ONLY) == [
        "p.py: plots imports text"
    ]
    assert breaches("dnrlab", {("findings", "f.py"): "from dnrlab.text import count"}, LAYERS, ONLY) == []


def test_a_part_of_data_cannot_reach_the_others_through_the_package():
    assert breaches("dnrlab.data", {("manifest", "m.py"): "from dnrlab import data"}, DATA, {}) == [
        "m.py: imports the package itself, which is on no line"
    ]


def test_a_part_on_no_line_breaks_the_rule():
    assert breaches("dnrlab", {("attic", "a.py"): ""}, LAYERS, ONLY) == ["a.py: attic is on no line"]
    assert breaches("dnrlab", {("cli", "c.py"): "from dnrlab import attic"}, LAYERS, ONLY) == [
        "c.py: imports attic, which is on no line"
    ]


def test_no_public_function_takes_more_than_eight_parameters():
    for path in (PROJECT / "dnrlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name not in ("create_model", "__init__"):
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                assert len([name for name in names if name not in ("self", "cls")]) <= 8, f"{path}: {node.name}"


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
