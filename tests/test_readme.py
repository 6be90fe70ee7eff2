"""The documents say what is true: examples print what they say, commands name what exists."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise

import pytest

from dnrlab.batch import parameter_types
from dnrlab.cli import COMMANDS
from tests.conftest import PROJECT

DOCUMENTS = [PROJECT / "README.md", *PROJECT.glob("*/README.md"), *PROJECT.glob("notebooks/results/*.md")]


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def test_the_python_example_prints_what_stands_below_it():
    text = (PROJECT / "README.md").read_text()
    (code,), (printed,) = blocks(text, "python"), blocks(text, "text")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == printed, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_commands_name_notebooks_parameters_and_commands_that_exist(document):
    for block in blocks(document.read_text(), "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["papermill"]:
                declared = parameter_types(PROJECT / words[1])
                names = [after for word, after in pairwise(words) if word == "-p"]
                names += [after.split(":")[0] for word, after in pairwise(words) if word == "-y"]
                assert set(names) <= set(declared), line
                assert names
            elif words[:1] == ["dnrlab"]:
                assert any(words[1 : 1 + len(name.split())] == name.split() for name in COMMANDS), line
            elif words[:1] == ["make"]:
                assert f"\n{words[1]}:" in (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target
