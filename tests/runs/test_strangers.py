"""A stranger's run folder runs no code, takes no memory that it does not fill, and what is wrong in it is named."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

import dnrlab
from dnrlab.runs.folder import CONFIG, WEIGHTS, remember
from dnrlab.runs.load import load_run
from dnrlab.trusted import check_trust, line_of, record_file
from tests.helpers.paths import PROJECT

MEMORY = 4 * 2**30  # bytes of address space that opening a run may take


@pytest.fixture
def folder(finished, tmp_path):
    """The folder of a finished run."""
    return shutil.copytree(finished[0], tmp_path / "run")


def with_values(folder, **values):
    """Change values of a run's config.json: ``model__name`` is the network's name."""
    config = json.loads((folder / CONFIG).read_text())
    for key, value in values.items():
        *parts, last = key.split("__")
        own = config
        for part in parts:
            own = own[part]
        own[last] = value
    (folder / CONFIG).write_text(json.dumps(config))


def test_a_function_that_this_account_has_not_trained_with_is_not_imported(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "open('imported', 'w').close()\ndef network(num_classes):\n    open('called', 'w').close()"
    (tmp_path / "stranger.py").write_text(source)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text(source)
    (tmp_path / "package" / "inner.py").write_text(source)
    for name in ("stranger:network", "package.inner:network", "package:network"):
        with_values(folder, model__name=name)
        with pytest.raises(ValueError, match=r"got .*:network of .*\.py, whose code would run.*if you trust it call"):
            load_run(folder)
        assert not (tmp_path / "imported").exists()
    with_values(folder, model__name="stranger:network")
    dnrlab.trust("stranger:network")
    with pytest.raises(TypeError, match="expected stranger:network to return a"):
        load_run(folder)
    assert (tmp_path / "called").exists()
    sys.modules.pop("stranger")


@pytest.mark.parametrize(
    "name",
    ["os:abort", "posix:abort", "code:interact", "email.mime.text:MIMEText", "__main__:main", "antigravity:x",
     "a b:c", ":x", "x:", "a..b:c", "../a:b", "a:b'); import os; ('", "a:b\nc"],
)  # fmt: skip
def test_no_other_function_is_called_either(folder, name):
    before = set(sys.modules)
    with_values(folder, model__name=name)
    with pytest.raises(ValueError, match=r"known to this account|trained on a function that is gone"):
        load_run(folder)
    assert "antigravity" not in set(sys.modules) - before


def test_the_record_holds_each_function_once_with_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for _ in range(2):
        dnrlab.trust("tests.helpers.own_networks:clips")
    file = PROJECT / "tests" / "helpers" / "own_networks.py"
    assert record_file().read_text().strip() == f"tests.helpers.own_networks:clips {file}"
    check_trust("tests.helpers.own_networks:clips", "run")
    with pytest.raises(ValueError, match="known to this account"):
        check_trust("tests.helpers.own_networks:images", "run")
    with pytest.raises(ValueError, match="expected a module nowhere with a source file"):
        line_of("nowhere:network")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"model__width": "8"}, "expected width to be int, got '8'"),
        ({"model__width": True}, "expected width to be int, got True"),
        ({"model__norm": ["batch"]}, "expected norm to be str"),
        ({"model__dnr": {"relay_distance": "4"}}, "expected relay_distance to be int"),
        ({"model__dnr": "x"}, "expected the values of DNRConfig by name"),
        ({"data__frame_interval": 10**30}, "expected frame_interval from 1 to 1,000,000"),
        ({"training__lr": 10**400}, "expected lr to be float"),
        ({"model__dnr": {"depth": 10**9}}, "expected depth of at most 100"),
        ({"data__scales": ["a"]}, "expected scales to be"),
        ({"data__num_frames": 10**9}, "expected num_frames from 1 to 1,000,000"),
        ({"data__short_side": 10**6}, "expected clips of at most 1,000,000,000 pixels"),
        ({"training__lr": None}, "expected lr to be float"),
        ({"training__lr_steps": [1.5]}, "expected lr_steps to be"),
        ({"classes": []}, "expected classes to be a list of names"),
        ({"classes": {"a": 1}}, "expected classes to be a list of names"),
        ({"classes": ["a", 2]}, "expected classes to be a list of names"),
        ({"classes": ["a", "b", "a"]}, "expected each class once, got 'a' again"),
        ({"classes": ["a", "\ud800"]}, "UnicodeEncodeError"),
    ],
)
def test_values_of_other_types_and_sizes_are_named(folder, values, words):
    with_values(folder, **values)
    with pytest.raises(ValueError, match=rf"expected settings of this version in .*{words}"):
        load_run(folder)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit of Linux is not installed")
@pytest.mark.parametrize(
    "values",
    [
        {"model__width": 10**5},
        {"model__width": 10**10},
        {"model__name": "tanet_resnet50", "model__width": 64, "data__num_frames": 10_000},
        {"model__dnr": {"reduction": 1, "depth": 100}, "model__width": 64},
        {"classes": [str(number) for number in range(1_000_000)]},
    ],
)
def test_a_network_that_the_weights_do_not_fill_takes_no_memory(folder, values):
    with_values(folder, **values)
    code = f"import sys; from dnrlab.runs.load import load_run; load_run({str(folder)!r})"
    command = ["prlimit", f"--as={MEMORY}", sys.executable, "-c", code]
    process = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert "best.safetensors to fit the network of config.json" in process.stderr
    assert "allocate" not in process.stderr


@pytest.mark.parametrize("kind", [torch.complex64, torch.float8_e4m3fn, torch.int64, torch.bool])
def test_weights_of_another_kind_are_named(folder, kind):
    tensors = load_file(folder / WEIGHTS)
    name = next(name for name in tensors if name.endswith("weight"))
    save_file(tensors | {name: tensors[name].to(kind)}, folder / WEIGHTS)
    with pytest.raises(ValueError, match=rf"(?s)to fit the network.*{name}: expected"):
        load_run(folder)


def test_a_record_that_cannot_be_written_or_is_damaged(tmp_path, monkeypatch, caplog):
    name = "tests.helpers.own_networks:clips"
    (tmp_path / "file").write_text("a file")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="could not be written"):
        dnrlab.trust(name)
    remember(name)  # a training goes on
    assert f"opening this run will ask whether {name} is trusted" in caplog.text
    monkeypatch.setenv("DNRLAB_TRUST", f"other:one {name}")
    check_trust(name, "run")
    monkeypatch.delenv("DNRLAB_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    record_file().parent.mkdir()
    record_file().write_bytes(b"\xff\xfe without an end")
    dnrlab.trust(name)
    check_trust(name, "run")
