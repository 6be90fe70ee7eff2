"""A run of a batch: notebooks with all their parameters, in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

FOLDERS = ("run_dir", "out_dir")  # parameters that the batch sets
RESULTS = "results.csv"  # in the folder of a batch
REPLACED = "replaced"  # folder of run folders that started anew, in that of a batch
REPEATED = {"seed": "seed", "test_fold": "fold"}  # parameters that repeat a run, and columns of their values


@dataclass(frozen=True, kw_only=True)
class Step:
    """A notebook of a run, and all parameters that it is given."""

    name: str  # of its files; the notebook's, with a number where a run has the notebook twice
    notebook: Path
    parameters: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)  # of the grid, by parameter
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """Notebooks that run one after the other in one folder."""

    name: str
    folder: Path
    varied: Mapping[str, Any]  # what makes it differ from the other runs
    steps: tuple[Step, ...]


def matches(run: Run, only: str) -> bool:
    """Whether a run's name matches a pattern such as ``tsm*``. Without a pattern every run does."""
    return not only or fnmatch(run.name, only)


class Runs(NamedTuple):
    """All runs of a grid."""

    runs: list[Run]
    after: Run | None
