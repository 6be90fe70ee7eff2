"""``dnrlab spread``: one recipe with several seeds and folds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from dnrlab.cli.output import Result, plain_rows, terminal_runtime
from dnrlab.cli.train import train_defaults
from dnrlab.data.manifest import read_manifest
from dnrlab.device import Runtime
from dnrlab.evaluation import EvalConfig
from dnrlab.experiments.repeat import repeat
from dnrlab.experiments.sweep import SweepConfig
from dnrlab.recipes.config import Recipe
from dnrlab.recipes.named import RECIPES, recipe_help
from dnrlab.runs.folder import REPEATS


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Train and evaluate a recipe with several seeds and folds: mean and 95 % interval. A second call resumes.

    The interval is Student's t over the runs. With several folds it is over the folds, each with the mean of its seeds.
    With one fold it is over the seeds. For a single run it is a bootstrap over the videos. Writes spread.csv and
    spread_summary.csv. The command starts its own processes (--workers) and does not run under torchrun.
    """

    manifest: str  # CSV file of videos; see data_manifests/README.md
    out: str  # folder for the tables and for one run folder per seed and fold
    recipe: Annotated[str, tyro.conf.arg(help=recipe_help())] = "demo"
    dnr: bool = True  # DNR; --no-dnr: batch norm
    seeds: tuple[int, ...] = (0,)  # one network is trained per seed; they replace --seed
    split_column: str = ""  # column of the splits, or of the folds with --test-folds; '' is the column split
    test_folds: tuple[str, ...] = ()  # folds of --split-column; each is once the split test, with all others train
    split: str = "test"  # split to evaluate; '' is all rows
    clips: int = 1  # clips per video, spread over its time
    crops: int = 1  # crops per clip: 1 (centre) or 3 (along the longer side)
    settings: Annotated[Recipe, tyro.conf.OmitArgPrefixes] = field(default_factory=RECIPES["demo"])
    workers: int = 2  # networks trained at a time
    root: str | None = None  # folder that the manifest's paths are relative to; default: the manifest's folder
    runtime: Annotated[Runtime, tyro.conf.OmitArgPrefixes] = field(default_factory=terminal_runtime)
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Train and evaluate. Returns one row per run, and the summary. Exit code 1 if a run failed."""
        config = SweepConfig(
            seeds=self.seeds,
            split_column=self.split_column,
            test_folds=self.test_folds or ("",),
            split=self.split,
            views=EvalConfig(num_clips=self.clips, num_crops=self.crops),
            workers=self.workers,
        )
        repeats = repeat(
            self.recipe,
            self.settings,
            read_manifest(self.manifest, self.root),
            self.out,
            config,
            self.runtime,
        )
        columns = ["run", "seed", "fold", "top1", "top5", "clip_top1", "videos", "loss", "seconds", "error"]
        if repeats.runs["top5"].isna().all():  # five classes or fewer
            columns.remove("top5")
        return {
            "runs": plain_rows(repeats.runs[columns]),
            "summary": plain_rows(repeats.summary),
            "table": str(Path(self.out) / REPEATS),
            "exit_code": int((repeats.runs["error"] != "").any()),
        }


def repeat_defaults(words: Sequence[str]) -> Any:
    """The defaults of ``spread``. Like the defaults of ``train`` they depend on ``--recipe`` and ``--no-dnr``."""
    given: Any = train_defaults(words)
    missing: Any = tyro.MISSING
    return Repeat(manifest=missing, out=missing, recipe=given.recipe, dnr=given.dnr, settings=given.settings)
