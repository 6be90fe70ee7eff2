"""What counts as a change of code: not a comment, not a module that a notebook never imports."""

import pytest

from dnrlab.batch import code
from dnrlab.batch.cells import read_cells
from dnrlab.batch.code import code_digests, files_reached, notebook_digest, source_digest
from tests.helpers.grids import write_cells
from tests.helpers.paths import PROJECT

FUNCTION = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('"""Words."""\n\ndef f(x):  # adds\n    """Adds one."""\n    return x + 1\n', True),
        ("def f(x):\n\n    return (x + 1)\n", True),
        ("def f(x):\n    return x + 2\n", False),
        ("def f(y):\n    return y + 1\n", False),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(other, same):
    assert (source_digest(other) == source_digest(FUNCTION)) is same


def reached(*modules):
    return {file.relative_to(PROJECT / "dnrlab").as_posix() for file in files_reached(frozenset(modules))}


def test_only_modules_that_are_reached_count():
    metrics = reached("dnrlab.evaluation.metrics")
    assert {"__init__.py", "evaluation/__init__.py", "evaluation/metrics.py"} <= metrics
    assert not any(file.startswith(("explorer/", "batch/", "cli/")) for file in metrics)
    assert "explorer/explore.py" in reached("dnrlab")  # it gives all names when they are asked for


def test_names_in_texts_count_since_they_are_started_as_processes():
    assert "batch/worker.py" in reached("dnrlab.batch.chain")


def test_figures_have_their_own_digest(tmp_path, monkeypatch):
    write_cells(tmp_path / "a.ipynb", "seed: int = 0  # seed", "from dnrlab.plots import training_curves")
    write_cells(tmp_path / "b.ipynb", "seed: int = 0  # seed", "from dnrlab.training.train import train")
    drawing, training = code_digests(tmp_path / "a.ipynb"), code_digests(tmp_path / "b.ipynb")
    real = code.file_digest
    monkeypatch.setattr(code, "file_digest", lambda file: "new" if "plots" in file.parts else real(file))
    code_digests.cache_clear()
    assert code_digests(tmp_path / "a.ipynb")[0] == drawing[0]
    assert code_digests(tmp_path / "a.ipynb")[1] != drawing[1]
    assert code_digests(tmp_path / "b.ipynb") == training
    code_digests.cache_clear()


def test_outputs_and_texts_of_a_notebook_do_not_count(tmp_path):
    write_cells(tmp_path / "a.ipynb", "seed: int = 0  # seed", "print(seed)")
    write_cells(tmp_path / "b.ipynb", "seed: int = 0  # seed", "print(seed)  # shown")
    write_cells(tmp_path / "c.ipynb", "seed: int = 1  # seed", "print(seed)")
    first, same, other = (notebook_digest(tmp_path / f"{name}.ipynb") for name in "abc")
    assert first == same != other


def test_what_is_no_notebook_is_named(tmp_path):
    (tmp_path / "a.ipynb").write_text('{"cells": 3}')
    with pytest.raises(ValueError, match=r"a\.ipynb"):
        read_cells(tmp_path / "a.ipynb")
