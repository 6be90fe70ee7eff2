"""The networks that grids of the project name by their functions."""

import pytest

from dnrlab.trusted import VARIABLE
from tests.helpers.paths import PROJECT

FUNCTIONS = ("placement:second_norm", "placement:both_norms")  # notebooks/results/placement.py


def know_grid_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let grids name these functions, as their commands do with PYTHONPATH and DNRLAB_TRUST."""
    monkeypatch.syspath_prepend(PROJECT / "notebooks" / "results")
    monkeypatch.setenv(VARIABLE, " ".join(FUNCTIONS))
