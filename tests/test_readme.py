"""The documents say what is true: examples print what they say, commands name what exists."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise

import pandas as pd
import pytest

from dnrlab.batch.execute import parameter_types
from dnrlab.cli import COMMANDS
from tests.helpers.paths import PROJECT

DOCUMENTS = [PROJECT / "README.md", *PROJECT.glob("[a-z]*/README.md"), *PROJECT.glob("[a-z]*/*/README.md")]
DOCUMENTS += [
    *PROJECT.glob("notebooks/results/*.md"),
    PROJECT / "data_manifests" / "DECODING.md",
    PROJECT / "CHANGELOG.md",
]
EXECUTED = ("README.md", "dnrlab/models/README.md", "dnrlab/training/README.md")  # their commands run as they stand


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def test_the_python_examples_do_what_they_say(tmp_path):
    text = (PROJECT / "README.md").read_text()
    (code, own_network), (printed,) = blocks(text, "python"), blocks(text, "text")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == printed, done.stderr
    done = subprocess.run([sys.executable, "-c", own_network], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith("DNR: 8 norms replaced, 8 inputs interlaced"), done.stderr
    assert (tmp_path / "dynamics.png").stat().st_size > 10_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_name_notebooks_parameters_and_commands_that_exist(document):
    for block in blocks(document.read_text(), "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["torchrun"]:
                words = words[words.index("-m") + 1 :]
            if words[:1] == ["papermill"]:
                declared = parameter_types(PROJECT / next(word for word in words if word.endswith(".ipynb")))
                names = [after for word, after in pairwise(words) if word == "-p"]
                names += [after.split(":")[0] for word, after in pairwise(words) if word == "-y"]
                assert set(names) <= set(declared), line
                assert names or "--help-notebook" in words
            elif words[:1] == ["dnrlab"]:
                assert any(words[1 : 1 + len(name.split())] == name.split() for name in COMMANDS), line
            elif words[:1] == ["make"]:
                assert f"\n{words[1]}:" in (PROJECT / "Makefile").read_text()


@pytest.fixture
def workplace(synthetic, tmp_path):
    """A folder like a clone after ``make setup``, with a ``videos.csv`` of one's own and a network."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copytree(PROJECT / "notebooks", tmp_path / "notebooks")
    rows = pd.read_csv(synthetic)
    rows = rows.assign(path=[str(synthetic.parent / path) for path in rows["path"]])
    rows.to_csv(tmp_path / "videos.csv", index=False)
    shutil.copyfile(rows["path"].iloc[0], tmp_path / "video.mp4")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("document", EXECUTED)
def test_the_commands_of_the_documents_run(workplace, document):
    commands = [block for block in blocks((PROJECT / document).read_text(), "bash") if "make " not in block]
    assert commands
    script = "\n".join(["set -euo pipefail", "source .venv/bin/activate", *commands])
    subprocess.run(["bash", "-c", script], cwd=workplace, check=True)
    evaluated = [*workplace.glob("runs/*/metrics.json")]
    assert len(evaluated) >= script.count(" evaluate ") + script.count("02_evaluate.ipynb runs")


@pytest.mark.slow
def test_jupyterlab_starts_in_the_folder_of_the_notebooks(workplace):
    settings = {"ServerApp": {"allow_root": True, "open_browser": False, "port": 0}}
    (workplace / "jupyter_server_config.json").write_text(json.dumps(settings))
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(workplace)}
    words = ["timeout", "60", "make", "--file", str(PROJECT / "Makefile"), "--old-file", "setup", "lab"]
    lab = subprocess.Popen(words, cwd=workplace, env=environment, stderr=subprocess.PIPE, text=True)
    printed = ""
    for line in lab.stderr:  # ends with the server, after a minute at most
        printed += line
        if "is running at" in line:
            lab.terminate()
    assert "is running at" in printed, printed
    assert f"Serving notebooks from local directory: {workplace / 'notebooks'}" in printed


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_that_are_named_exist(document):
    for name in re.findall(r"`((?:dnrlab|tests|notebooks)/[\w/]+\.(?:py|md|ipynb))`", document.read_text()):
        assert (PROJECT / name).is_file(), name
