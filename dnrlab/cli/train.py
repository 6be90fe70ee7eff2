"""``dnrlab train``: train a network from a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import tyro

from dnrlab.cli.output import Result, terminal_runtime
from dnrlab.data.manifest import read_manifest, split_by
from dnrlab.device import Runtime
from dnrlab.distributed import join
from dnrlab.recipes.config import Recipe
from dnrlab.recipes.named import RECIPES, recipe_by_name, recipe_help
from dnrlab.relay import DNRConfig
from dnrlab.training.train import train


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network. A second call resumes. The defaults below are the values of the chosen recipe.

    On several GPUs or machines: torchrun --nproc-per-node 8 --max-restarts 3 -m dnrlab train …
    """

    manifest: str  # CSV file of videos; see data_manifests/README.md
    out: str  # run folder
    recipe: Annotated[str, tyro.conf.arg(help=recipe_help())] = "demo"
    dnr: bool = True  # DNR; --no-dnr: batch norm
    settings: Annotated[Recipe, tyro.conf.OmitArgPrefixes] = field(default_factory=RECIPES["demo"])
    split_column: str = ""  # column of the splits, or of the folds with --test-fold; '' is the column split
    test_fold: str = ""  # fold of --split-column that becomes the split test; all other folds become train
    val_fold: str = ""  # with --test-fold: fold that becomes the split val
    root: str | None = None  # folder that the manifest's paths are relative to; default: the manifest's folder
    runtime: Annotated[Runtime, tyro.conf.OmitArgPrefixes] = field(default_factory=terminal_runtime)
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Train. Returns the results of the last epoch and the best validation in rank 0, else nothing."""
        rows = read_manifest(self.manifest, self.root)
        manifest = split_by(rows, self.split_column, self.test_fold, self.val_fold)
        with join(self.runtime.device) as (world, device):
            history = train(self.settings, manifest, self.out, replace(self.runtime, device=device), world=world)
        if not world.is_main:
            return {}
        last, validated = history.iloc[-1], history["val_top1"].dropna()
        result: Result = {
            "run": self.out,
            "epochs": len(history),
            "loss": float(last["loss"]),
            "top1": float(last["top1"]),
        }
        if len(validated):
            result["best_val_top1"] = float(validated.max())
        if last.get("skipped", 0):  # histories of older runs have no such column
            clips, skipped = int(last["clips"]), int(last["skipped"])
            result["trained"] = f"trained on {clips} of {clips + skipped} clips per epoch"
        return {**result, "next": f"dnrlab evaluate {self.out} --manifest {self.manifest}"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The options that decide the defaults of all others."""

    recipe: str = "demo"
    dnr: bool = True


def train_defaults(words: Sequence[str]) -> Any:
    """The defaults of ``train``. They depend on two of its options: ``--recipe`` and ``--no-dnr``.

    The same parser reads the words twice, so these two mean the same in every spelling that it accepts.
    """
    found: Any = tyro.cli(Choice, args=words, return_unknown_args=True, add_help=False)
    choice, recipe = found[0], recipe_by_name(found[0].recipe)
    recipe = replace(recipe, model=replace(recipe.model, dnr=DNRConfig() if choice.dnr else None))
    missing: Any = tyro.MISSING
    return Train(manifest=missing, out=missing, recipe=choice.recipe, dnr=choice.dnr, settings=recipe)
