"""The command line: ``dnrlab train | evaluate | cam | predict | bench | manifest check``.

Each has ``--help`` and ``--json``. Options are the fields of the dataclasses that the notebooks use.
"""

import json
import logging
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import tyro

from dnrlab.bench import BenchConfig, machine, measure_costs, noise
from dnrlab.data.cache import reader_for
from dnrlab.data.decode import VideoError
from dnrlab.data.manifest import check_manifest, oddities, read_manifest, select, single_video
from dnrlab.evaluation import EvalConfig, evaluate, write_results
from dnrlab.notebook import pick_device
from dnrlab.relay import DNRConfig
from dnrlab.runs import load_run, save_figure, short_names
from dnrlab.training.config import Recipe
from dnrlab.training.recipes import RECIPES, recipe_by_name
from dnrlab.training.run import train

Result = dict[str, Any]  # plain values: what --json prints


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a network; the same call again resumes. The defaults below are those of the chosen recipe."""

    manifest: str  # CSV file of videos; see data_manifests/README.md
    out: str  # run folder
    recipe: str = "demo"  # demo, kinetics200 or kinetics400
    dnr: bool = True  # DNR, or with --no-dnr batch norm
    settings: Annotated[Recipe, tyro.conf.OmitArgPrefixes] = field(default_factory=RECIPES["demo"])
    root: str | None = None  # folder that the manifest's paths are relative to; its own by default
    device: str = "auto"  # cpu, cuda, cuda:1
    num_workers: int = 0  # processes that read clips
    cache_dir: str = "auto"  # keeps decoded videos of small sets; '' for none
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Train; what the last epoch gave, and the best validation."""
        device = pick_device(self.device)
        history = train(
            self.settings,
            read_manifest(self.manifest, self.root),
            self.out,
            device=device,
            cache_dir=self.cache_dir,
            num_workers=self.num_workers,
            progress=sys.stderr.isatty(),
        )
        last, scored = history.iloc[-1], history["val_top1"].dropna()
        result: Result = {
            "run": self.out,
            "epochs": len(history),
            "loss": float(last["loss"]),
            "top1": float(last["top1"]),
        }
        if len(scored):
            result["best_val_top1"] = float(scored.max())
        return {**result, "next": f"dnrlab evaluate {self.out} --manifest {self.manifest}"}


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Score the videos of a split; writes metrics.json, predictions.csv and confusion.csv into the run folder."""

    run_dir: tyro.conf.Positional[str]  # run folder of train
    manifest: str  # CSV file of videos
    split: str = "test"  # rows to evaluate; '' takes all
    clips: int = 1  # a video, spread over its time
    crops: int = 1  # a clip: 1 (centre) or 3 (along the longer side)
    crop_size: int = 0  # pixels; 0 is that of the training
    sampling: str = ""  # dense, segments, twice (with --clips 2) or window; '' is that of the training
    batch_size: int = 16  # views that go through the network at a time
    root: str | None = None  # folder that the manifest's paths are relative to; its own by default
    device: str = "auto"  # cpu, cuda, cuda:1
    num_workers: int = 0  # processes that read videos
    cache_dir: str = "auto"  # keeps decoded videos of small sets; '' for none
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Evaluate; the metrics."""
        device = pick_device(self.device)
        run = load_run(self.run_dir, device)
        given: dict[str, Any] = {"crop_size": self.crop_size, "sampling": self.sampling}
        data = replace(run.recipe.data, **{name: value for name, value in given.items() if value})
        videos = select(read_manifest(self.manifest, self.root), self.split or None, run.classes)
        views = EvalConfig(num_clips=self.clips, num_crops=self.crops, batch_size=self.batch_size)
        predictions = evaluate(
            run.model,
            videos,
            data,
            views,
            reader=reader_for(self.cache_dir, data.short_side, len(videos.rows)),
            device=device,
            num_workers=self.num_workers,
            progress=sys.stderr.isatty(),
        )
        return write_results(self.run_dir, predictions, run.classes, views, manifest=self.manifest, split=self.split)


@dataclass(frozen=True, kw_only=True)
class Cam:
    """Draw Grad-CAM++ of one or several runs over the frames of a video."""

    runs: tyro.conf.Positional[tuple[str, ...]]  # run folders, a row each
    video: str  # video file
    out: str  # picture to write; its numbers go beside it
    layer: str = ""  # module whose features are weighted; '' is the last stage with maps of at least 6 x 6 cells
    target: str = "predicted"  # class to explain: predicted, or a name
    device: str = "auto"  # cpu, cuda, cuda:1
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Draw; what each network predicted."""
        from dnrlab import findings
        from dnrlab.explain.clips import explain_clips, numbers_of, same_clips, sharp_layer, view_clip
        from dnrlab.plots import CamRow, gradcam_figure

        device, out = pick_device(self.device), Path(self.out)
        if not self.runs or out.suffix != ".png":
            raise ValueError(f"expected run folders and a picture NAME.png to write, got {list(self.runs)} and {out}")
        opened = [load_run(run_dir, device) for run_dir in self.runs]
        data = same_clips(opened)
        view = view_clip(single_video(self.video, opened[0].classes), 0, data)
        layer = self.layer or sharp_layer(data.crop_size)
        found = [explain_clips(run, [view], layer=layer, target=self.target, device=device)[0] for run in opened]
        named = dict(zip(short_names(self.runs), found, strict=True))
        rows = [CamRow(name, each.predicted, each.score, each.heat) for name, each in named.items()]
        finding = f"{Path(self.video).name}: {findings.of_maps('', {row.name: row.predicted for row in rows})}"
        note = f"Grad-CAM++ at {layer} for the {self.target} class; bright is evidence for it"
        figure = gradcam_figure(view.frames, rows, finding=finding, note=note, frame_numbers=view.numbers)
        picture = save_figure(figure, out.parent, out.stem, **numbers_of(view.frames, named))
        predictions = {name: {"predicted": each.predicted, "score": each.score} for name, each in named.items()}
        return {"figure": str(picture), "networks": predictions}


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Say what a video shows."""

    run_dir: tyro.conf.Positional[str]  # run folder of train
    video: str  # video file
    clips: int = 1  # spread over the video's time
    crops: int = 1  # a clip: 1 (centre) or 3 (along the longer side)
    device: str = "auto"  # cpu, cuda, cuda:1
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Predict; the best five classes with their scores."""
        device = pick_device(self.device)
        run = load_run(self.run_dir, device)
        video, views = single_video(self.video, run.classes), EvalConfig(num_clips=self.clips, num_crops=self.crops)
        reader = reader_for("", run.recipe.data.short_side, 1)
        predictions = evaluate(run.model, video, run.recipe.data, views, reader=reader, device=device).videos
        scores = predictions.iloc[0, -len(run.classes) :].astype(float).nlargest(5)
        return {"video": self.video, "predicted": str(scores.index[0]), "scores": scores.round(4).to_dict()}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Count and time networks without DNR and with it, in turns, beside a control that shows the machine's noise."""

    models: tyro.conf.Positional[tuple[str, ...]]  # networks, such as tsn_resnet50 tsm_resnet50
    settings: Annotated[BenchConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=BenchConfig)
    device: str = "auto"  # cpu, cuda, cuda:1
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Measure; sizes and speeds of every network, the settings and the machine."""
        device = pick_device(self.device)
        table = measure_costs(self.models, self.settings, device=device, progress=sys.stderr.isatty()).table
        rows = [{name: value for name, value in row.items() if pd.notna(value)} for row in table.to_dict("records")]
        settings = asdict(self.settings)
        return {"networks": rows, "noise": noise(table), "settings": settings, "machine": machine(device)}


@dataclass(frozen=True, kw_only=True)
class ManifestCheck:
    """Decode every video of a manifest to its end; lists those that cannot be read. Exit code 1 if there are any."""

    file: tyro.conf.Positional[str]  # CSV file of videos
    root: str | None = None  # folder that the manifest's paths are relative to; its own by default
    workers: int = 2  # threads
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Check; the bad videos with their reasons."""
        manifest = read_manifest(self.file, self.root)
        good, bad = check_manifest(manifest, workers=self.workers)
        unreadable = bad[["path", "reason"]].to_dict("records")
        counts = {
            str(name): int(n) for name, n in manifest.rows.get("split", pd.Series(dtype=str)).value_counts().items()
        }
        return {
            "classes": len(manifest.classes),
            "splits": counts,
            "good": len(good),
            "bad": len(bad),
            "unreadable": unreadable,
            "notes": [{"note": each} for each in oddities(manifest)],
            "exit_code": 1 if unreadable else 0,
        }


COMMANDS: dict[str, type] = {
    "train": Train,
    "evaluate": Evaluate,
    "cam": Cam,
    "predict": Predict,
    "bench": Bench,
    "manifest check": ManifestCheck,
}
ERRORS = (ValueError, TypeError, OSError, VideoError, FloatingPointError, IndexError)  # said in a line, no traceback


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; exits with 0, 1 (what was asked for failed) or 2 (the call is wrong)."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((name for name in COMMANDS if words[: len(name.split())] == name.split()), None)
    if name is None:
        asked = not words or words[0] in ("-h", "--help")
        if not asked:
            print(f"error: unknown command {' '.join(words[:2])!r}", file=sys.stderr)
        print(usage(), file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    sys.exit(guarded(lambda: run_command(name, words[len(name.split()) :])))


def run_command(name: str, words: list[str]) -> int:
    """Parse the words of a command, run it, print its result; returns the exit code."""
    default = train_defaults(words) if name == "train" else None
    config = (tyro.conf.AvoidSubcommands, tyro.conf.OmitArgPrefixes)
    command: Any = tyro.cli(COMMANDS[name], prog=f"dnrlab {name}", args=words, default=default, config=config)
    result: Result = command.run()
    exit_code = int(result.pop("exit_code", 0))
    print(json.dumps(result, indent=2) if command.json else as_text(result))
    return exit_code


def train_defaults(words: Sequence[str]) -> Any:
    """The defaults of ``train``, which depend on two of its own options: ``--recipe`` and ``--no-dnr``."""
    name = next((after for word, after in pairwise(words) if word == "--recipe"), "demo")
    recipe, dnr = recipe_by_name(name), "--no-dnr" not in words
    recipe = replace(recipe, model=replace(recipe.model, dnr=DNRConfig() if dnr else None))
    missing: Any = tyro.MISSING
    return Train(manifest=missing, out=missing, recipe=name, dnr=dnr, settings=recipe)


def guarded(action: Callable[[], int]) -> int:
    """Run an action; an error that a user can mend becomes one message on standard error and exit code 1."""
    try:
        return action()
    except ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def as_text(values: Result, indent: str = "") -> str:
    """Lines ``name: value``; nested values are indented, rows of more than two values become a table."""
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", as_text(value, indent + "  ")]
        elif isinstance(value, list) and value and len(value[0]) > 2:
            cells = pd.DataFrame(value).to_string(index=False, float_format="{:.4f}".format, na_rep="")
            lines += [f"{indent}{name}:", textwrap.indent(cells, indent + "  ")]
        elif isinstance(value, list):
            lines += [f"{indent}{name}:"] * bool(value) + [
                f"{indent}  " + ": ".join(map(str, v.values())) for v in value
            ]
        else:
            lines.append(f"{indent}{name}: {value:.4g}" if isinstance(value, float) else f"{indent}{name}: {value}")
    return "\n".join(lines)


def usage() -> str:
    """The commands, a line each."""
    lines = [f"  {name:<16}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "usage: dnrlab COMMAND …   (each with --help and --json)\n\n" + "\n".join(lines)
