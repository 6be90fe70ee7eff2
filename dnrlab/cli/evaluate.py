"""``dnrlab evaluate`` and ``dnrlab predict``: scores of a split and of one video."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import tyro

from dnrlab.cli.output import Result, terminal_runtime
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.manifest import read_manifest, select, single_video, split_by
from dnrlab.device import Runtime
from dnrlab.distributed import World, join
from dnrlab.evaluation import EvalConfig, evaluate, scores_file, write_results
from dnrlab.evaluation.video_scores import class_scores
from dnrlab.runs.load import load_run


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Score the videos of a split. Writes metrics.json, predictions.csv and confusion.csv into the run folder.

    view_scores.npy stores the scores of all views during the evaluation, so a second call resumes. With torchrun
    --nproc-per-node N -m dnrlab evaluate … N processes share the videos.
    """

    run_dir: tyro.conf.Positional[str]  # run folder of dnrlab train
    manifest: str  # CSV file of videos
    split: str = "test"  # split to evaluate; '' is all rows
    split_column: str = ""  # column of the splits, or of the folds with --test-fold; '' is the column split
    test_fold: str = ""  # fold of --split-column that becomes the split test; all other folds become train
    val_fold: str = ""  # with --test-fold: fold that becomes the split val
    clips: int = 1  # clips per video, spread over its time
    crops: int = 1  # crops per clip: 1 (centre) or 3 (along the longer side)
    crop_size: int = 0  # side of the crop, pixels; 0 is the training's crop size
    sampling: str = ""  # dense, segments, twice (with --clips 2) or window; '' is the training's sampling
    decoder: str = ""  # auto, decord or pyav; '' is the training's decoder
    batch_size: int = 16  # views that go through the network at a time
    bad_videos: str = "skip"  # skip leaves a bad video out, counts and lists it; error stops and names it
    root: str | None = None  # folder that the manifest's paths are relative to; default: the manifest's folder
    runtime: Annotated[Runtime, tyro.conf.OmitArgPrefixes] = field(default_factory=terminal_runtime)
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Evaluate. Returns the metrics."""
        with join(self.runtime.device) as (world, device):
            return self.run_rank(world, replace(self.runtime, device=device))

    def run_rank(self, world: World, runtime: Runtime) -> Result:
        """Evaluate as one rank. Returns the metrics in rank 0, and nothing in the other ranks."""
        run = load_run(self.run_dir, runtime.device)
        given: dict[str, Any] = {"crop_size": self.crop_size, "sampling": self.sampling, "decoder": self.decoder}
        data = replace(run.recipe.data, **{name: value for name, value in given.items() if value})
        rows = read_manifest(self.manifest, self.root)
        manifest = split_by(rows, self.split_column, self.test_fold, self.val_fold)
        videos = select(manifest, self.split or None, run.classes)
        views = EvalConfig(
            num_clips=self.clips, num_crops=self.crops, batch_size=self.batch_size, bad_videos=self.bad_videos
        )
        predictions = evaluate(
            run.model,
            videos,
            data,
            views,
            reader=reader_for(runtime.cache_dir, data.short_side, len(videos.rows), data.decoder),
            runtime=runtime,
            scores=scores_file(self.run_dir, self.split, run.recipe.model),
            world=world,
        )
        if not world.is_main:
            return {}
        return write_results(self.run_dir, predictions, run.classes, views, manifest=self.manifest, split=self.split)


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Print the five classes with the highest scores for a video."""

    run_dir: tyro.conf.Positional[str]  # run folder of dnrlab train
    video: str  # video file
    clips: int = 1  # clips, spread over the video's time
    crops: int = 1  # crops per clip: 1 (centre) or 3 (along the longer side)
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Returns the five classes with the highest scores."""
        runtime = Runtime(device=self.device)
        run = load_run(self.run_dir, runtime.device)
        video, views = single_video(self.video, run.classes), EvalConfig(num_clips=self.clips, num_crops=self.crops)
        reader = reader_for("", run.recipe.data.short_side, 1, run.recipe.data.decoder)
        predictions = evaluate(run.model, video, run.recipe.data, views, reader=reader, runtime=runtime).videos
        scores = class_scores(predictions).iloc[0].nlargest(5)
        return {"video": self.video, "predicted": str(scores.index[0]), "scores": scores.round(4).to_dict()}
