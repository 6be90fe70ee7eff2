"""``dnrlab spread``: one recipe with several seeds and on several folds."""

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
    """Train and evaluate a recipe with several seeds, on several folds; mean and 95 % interval. Resumes.

    The interval is over the runs (Student's t): over folds where there are several, each the mean of its seeds, else
    over seeds; of a single run it is over the videos (bootstrap). Writes spread.csv and spread_summary.csv. Starts its
    own processes (--workers), and refuses those of torchrun.
    """

    manifest: str  # CSV file of videos; see data_manifests/README.md
    out: str  # folder that takes a run folder a seed and fold, and the tables
    recipe: Annotated[str, tyro.conf.arg(help=recipe_help())] = "demo"
    dnr: bool = True  # DNR, or with --no-dnr batch norm
    seeds: tuple[int, ...] = (0,)  # each trains a network; they take the place of --seed
    split_column: str = ""  # column of the manifest that says the split, or the fold with --test-folds; '': split
    test_folds: tuple[str, ...] = ()  # folds of --split-column; each is the split test once, all others are train
    split: str = "test"  # rows to evaluate; '' takes all
    clips: int = 1  # a video, spread over its time
    crops: int = 1  # a clip: 1 (centre) or 3 (along the longer side)
    settings: Annotated[Recipe, tyro.conf.OmitArgPrefixes] = field(default_factory=RECIPES["demo"])
    workers: int = 2  # networks trained at a time
    root: str | None = None  # folder that the manifest's paths are relative to; its own by default
    runtime: Annotated[Runtime, tyro.conf.OmitArgPrefixes] = field(default_factory=terminal_runtime)
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Train and evaluate; a row a run, and what they are together. Exit code 1 if a run failed."""
        config = SweepConfig(
            seeds=self.seeds,
            split_column=self.split_column,
            test_folds=self.test_folds or ("",),
            split=self.split,
            views=EvalConfig(num_clips=self.clips, num_crops=self.crops),
            workers=self.workers,
        )
        found = repeat(
            self.recipe,
            self.settings,
            read_manifest(self.manifest, self.root),
            self.out,
            config,
            self.runtime,
        )
        shown = ["run", "seed", "fold", "top1", "top5", "clip_top1", "videos", "loss", "seconds", "error"]
        return {
            "runs": plain_rows(found.runs[shown]),
            "summary": plain_rows(found.summary),
            "table": str(Path(self.out) / REPEATS),
            "exit_code": int((found.runs["error"] != "").any()),
        }


def repeat_defaults(words: Sequence[str]) -> Any:
    """The defaults of ``spread``, which depend on ``--recipe`` and ``--no-dnr`` as those of ``train`` do."""
    given: Any = train_defaults(words)
    missing: Any = tyro.MISSING
    return Repeat(manifest=missing, out=missing, recipe=given.recipe, dnr=given.dnr, settings=given.settings)
