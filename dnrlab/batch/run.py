"""A run of a batch: notebooks with all their parameters, in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = "results.csv"  # in the folder of a batch
REPEATED = {"seed": "seed", "test_fold": "fold"}  # parameters that repeat a run, and columns of their values


@dataclass(frozen=True, kw_only=True)
class Step:
    """A notebook of a run, and all parameters that it is given."""

    notebook: Path
    parameters: Mapping[str, Any]
    lines: Mapping[str, int]  # of the grid, by parameter
    line: int

    @property
    def name(self) -> str:
        """The name of the notebook."""
        return self.notebook.stem


@dataclass(frozen=True, kw_only=True)
class Run:
    """Notebooks that run one after the other in one folder."""

    name: str
    folder: Path
    varied: Mapping[str, Any]  # what makes it differ from the other runs
    steps: tuple[Step, ...]


class Runs(NamedTuple):
    """All runs of a grid."""

    runs: list[Run]
    after: Run | None
