"""``dnrlab batch`` and ``dnrlab report``: a grid of notebook runs, and the page about them."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from dnrlab.batch.batch import BatchConfig, run_batch
from dnrlab.batch.grid import read_grid
from dnrlab.batch.plan import chosen
from dnrlab.batch.report import write_report
from dnrlab.batch.runs import runs_of
from dnrlab.cli.output import Result, plain_rows
from dnrlab.text import count, duration

log = logging.getLogger("dnrlab")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Run a grid of notebooks: what is missing, failed or changed. The rest is left as it is.

    A grid is a YAML file; dnrlab/batch/grid.py explains it, notebooks/batches has examples. Each run has a folder in
    --out, with its executed notebooks, logs and figures. At the end results.csv and report.html are written. A second
    call goes on. The exit code is 1 if a run failed.
    """

    grid: tyro.conf.Positional[str]  # the YAML file
    out: str  # folder of the batch
    config: Annotated[BatchConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=BatchConfig)
    dry_run: bool = False  # list the runs and predict their hours from measured steps and reading; run nothing
    device: str = "auto"  # where --dry-run measures steps; auto: a GPU if there is one
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Run the grid, or with --dry-run list its runs."""
        if self.dry_run:
            return self.predicted()
        result = run_batch(self.grid, self.out, self.config)
        return {**result, "exit_code": int(bool(result["failed"] or result["left"]))}

    def predicted(self) -> Result:
        """The runs with their predicted hours, and their sum."""
        from dnrlab.batch.predict import predict
        from dnrlab.device import pick_device

        grid = read_grid(self.grid)
        runs = chosen(runs_of(grid, Path(self.out), counted_by=grid.card).runs, self.config.only, self.config.failed)
        table = predict(runs, grid.card, pick_device(self.device), log.info)
        result: Result = {"title": grid.title, "number": len(runs), "runs": plain_rows(table)}
        if "hours" not in table:
            return result | {"predicted": "no hours: only trainings and tests are predicted"}
        hours, devices = float(table["hours"].sum()), min(1 if grid.alone else self.config.workers, len(runs))
        return result | {
            "hours": hours,
            "devices": devices,
            "predicted": f"{duration(hours)} on one device, {duration(hours / devices)} on {count(devices, 'device')}",
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write report.html of a batch: findings, tables, figures and notebooks in one page that opens from a disk."""

    out: tyro.conf.Positional[str]  # folder of the batch
    code: bool = False  # show the code of the notebooks, too
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Write the page."""
        return {"report": str(write_report(self.out, code=self.code))}
