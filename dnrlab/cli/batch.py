"""``dnrlab batch`` and ``dnrlab report``: a grid of notebook runs, and the page about them."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from dnrlab.batch.batch import BatchConfig, run_batch
from dnrlab.batch.chain import visible_gpus
from dnrlab.batch.grid import read_grid
from dnrlab.batch.plan import chosen, task_of
from dnrlab.batch.report import write_report
from dnrlab.batch.runs import runs_of
from dnrlab.cli.output import Result, plain_rows
from dnrlab.text import duration

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
    # list what has to run, why, and the hours that it will take, from measured steps and reading; run no notebook
    dry_run: bool = False
    device: str = "auto"  # where --dry-run measures steps; auto: a GPU if there is one
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Run the grid, or with --dry-run list its runs."""
        if self.dry_run:
            return self.predicted()
        result = run_batch(self.grid, self.out, self.config)
        left = result["left"] if self.json else ", ".join(result["left"])
        return {**result, "left": left, "exit_code": int(bool(result["failed"] or result["left"]))}

    def predicted(self) -> Result:
        """The runs with their predicted hours, and their sum."""
        from dnrlab.batch.predict import predict
        from dnrlab.device import pick_device

        grid = read_grid(self.grid)
        every, after = runs_of(grid, Path(self.out), counted_by=grid.card, only=self.config.only)
        tasks = [task_of(run) for run in chosen(every, self.config.only, self.config.failed)]
        todo = [task for task in tasks if task.reason]
        result: Result = {"title": grid.title, "number": len(todo), "done": len(tasks) - len(todo)}
        if after:
            result["after"] = "runs when all are done, if something changed; its hours are not predicted"
        if not todo:
            return result | {"runs": [], "hours": 0.0, "predicted": "nothing to do in these runs"}
        device = pick_device(self.device)
        table = predict(todo, grid.card, device, log.info)
        table["why"] = [task.reason for task in todo]
        if "hours" not in table:
            return result | {"runs": plain_rows(table), "predicted": "no hours: only trainings and tests are predicted"}
        hours = float(table["hours"].sum())
        devices = 1 if grid.alone else min(len(todo), self.devices(device))
        words = table.assign(**{name: table[name].map(duration) for name in table if name.endswith("hours")})
        words = words.rename(columns=lambda name: name.replace("training_hours", "training").replace("_hours", ""))
        at_once = f", {duration(hours / devices)} on {devices} devices" if devices > 1 else ""
        return result | {
            "runs": plain_rows(table if self.json else words.rename(columns={"hours": "together"})),
            "hours": hours,
            "devices": devices,
            "predicted": f"{duration(hours)} on one device{at_once}; without the start of notebooks, about 10 s each",
        }

    def devices(self, device: str) -> int:
        """Devices at work at a time. Notebooks that share a CPU or a GPU are not faster together."""
        if self.config.scheduler:
            return self.config.workers
        return 1 if device == "cpu" else min(self.config.workers, len(visible_gpus()))


@dataclass(frozen=True, kw_only=True)
class Report:
    """Write report.html of a batch: findings, tables, figures and notebooks in one page that opens from a disk."""

    out: tyro.conf.Positional[str]  # folder of the batch
    code: bool = False  # show the code of the notebooks, too
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Write the page."""
        return {"report": str(write_report(self.out, code=self.code))}
