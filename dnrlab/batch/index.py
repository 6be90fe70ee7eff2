"""The list of a batch's runs, in its folder: with it the batch can be read without its grid, and elsewhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnrlab.batch.run import Run, Runs, Step
from dnrlab.files import atomic_write, explain_read_errors

INDEX = "batch.json"


@dataclass(frozen=True, kw_only=True)
class Index:
    """Title, grid and runs of a batch."""

    title: str
    grid: str  # the text of the file
    runs: Runs

    @property
    def everything(self) -> list[Run]:
        """All runs, with the one after the others."""
        return [*self.runs.runs, *([self.runs.after] if self.runs.after else [])]


def write_index(out: Path, index: Index) -> None:
    """Write the list of runs to the folder of the batch."""
    values = {
        "title": index.title,
        "grid": index.grid,
        "runs": [plain(run) for run in index.runs.runs],
        "after": plain(index.runs.after) if index.runs.after else None,
    }
    with atomic_write(out / INDEX) as unfinished:
        unfinished.write_text(json.dumps(values, indent=1), encoding="utf-8")


def plain(run: Run) -> dict[str, Any]:
    """A run as plain values."""
    steps = [
        {"name": step.name, "notebook": str(step.notebook), "parameters": dict(step.parameters)} for step in run.steps
    ]
    return {"name": run.name, "varied": dict(run.varied), "steps": steps}


def read_index(out: str | Path) -> Index:
    """The list of runs in the folder of a batch.

    Raises: FileNotFoundError if there is none; ValueError if it is damaged.
    """
    file = Path(out) / INDEX
    if not file.is_file():
        raise FileNotFoundError(f"expected a batch with {INDEX} at {out}, got no such file; check the path")
    with explain_read_errors(file, "call dnrlab batch again; it writes the file anew"):
        values = json.loads(file.read_text(encoding="utf-8"))
        json.dumps(values, ensure_ascii=False).encode()  # half a pair of surrogates is a ValueError
        runs = [run_from(each, Path(out)) for each in values["runs"]]
        if not runs:
            raise ValueError("no runs")
        after = run_from(values["after"], Path(out)) if values["after"] else None
        return Index(title=str(values["title"]), grid=str(values["grid"]), runs=Runs(runs, after))


def run_from(values: Mapping[str, Any], out: Path) -> Run:
    """A run from its plain values. Its name must be that of a folder in the batch's.

    Raises: ValueError otherwise.
    """
    name = file_name(values["name"])
    steps = tuple(
        Step(name=file_name(each["name"]), notebook=Path(each["notebook"]), parameters=dict(each["parameters"]))
        for each in values["steps"]
    )
    return Run(name=name, folder=out / name, varied=dict(values["varied"]), steps=steps)


def file_name(value: object) -> str:
    """A name of a file or folder. ValueError if it is a path."""
    name = str(value)
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"expected a name without folders, got {name!r}; correct it in {INDEX}")
    return name
