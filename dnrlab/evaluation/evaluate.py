"""Scores of videos from several views: V clips times 1 or 3 crops per clip."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dnrlab.compiling import compiled, how_to_compile
from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import Unreadable, VideoViews, Views
from dnrlab.data.decode.types import Reader
from dnrlab.data.loading import bad_video, check_bad_videos, view_loader
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import normalize
from dnrlab.device import ON_CPU, Runtime, autocast
from dnrlab.distributed import ALONE, World, all_gather, broadcast
from dnrlab.evaluation.video_scores import Predictions, video_scores
from dnrlab.evaluation.view_scores import Scores, ScoresFile, fingerprint, is_scored, open_scores
from dnrlab.lock import locked
from dnrlab.models.inference import optimize_for_inference

log = logging.getLogger("dnrlab")

BATCHES_PER_GATHER = 8  # per rank, between two exchanges of scores


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """How many views each video has. Kinetics: 10 clips of 3 crops; Something-Something: 1 clip of 1 crop."""

    num_clips: int = 1  # per video
    num_crops: int = 1  # per clip: 1 (centre) or 3 (along the longer side)
    batch_size: int = 16  # views that go through the network at a time; limits the memory
    bad_videos: str = "skip"  # skip leaves a bad video out, counts and lists it; error stops and names it

    def __post_init__(self) -> None:
        check_bad_videos(self.bad_videos)
        for name in ("num_clips", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}; raise it")
        if self.num_crops not in (1, 3):
            raise ValueError(
                f"expected num_crops of 1 (centre) or 3 (along the longer side), got {self.num_crops}; give 1 or 3"
            )

    @property
    def num_views(self) -> int:
        """Views per video."""
        return self.num_clips * self.num_crops


class Scored(NamedTuple):
    """A video that went through the network."""

    row: int
    scores: Scores  # (views, classes)


def evaluate(
    model: nn.Module,
    manifest: Manifest,
    data: DataConfig,
    config: EvalConfig,
    *,
    reader: Reader,
    runtime: Runtime = ON_CPU,
    scores: ScoresFile | None = None,
    world: World = ALONE,
) -> Predictions:
    """Score every video of a manifest: the mean of the softmax scores of its views.

    ``batch_size`` views are cut and go through the network at a time. The scores depend on it, on compiling and on
    the use of ``optimize_for_inference`` only by rounding.

    Args:
        scores: file that stores the scores of all views during the evaluation. A second call scores only the rows
            without scores, and tries again to read bad videos. See ``view_scores``.
        world: the processes that share the work. Each scores its own rows and returns all predictions. Rank 0 writes.

    Raises: ValueError if no video could be read, a score is not finite, or another evaluation writes ``scores``;
        VideoError that names a bad video, where
        ``bad_videos`` is ``error``.
    """
    alone = locked(scores.path, "evaluation") if scores is not None and world.is_main else nullcontext()
    with alone:
        return score_all(model, manifest, data, config, reader, runtime, scores, world)


def score_all(
    model: nn.Module,
    manifest: Manifest,
    data: DataConfig,
    config: EvalConfig,
    reader: Reader,
    runtime: Runtime,
    scores: ScoresFile | None,
    world: World,
) -> Predictions:
    """The work of ``evaluate``."""
    dataset = VideoViews(manifest, data, reader, num_clips=config.num_clips, num_crops=config.num_crops)
    model.eval()
    done = np.empty((0, 1, 1), np.float32)  # only rank 0 has the scores of all rows
    if world.is_main:
        done = scores_so_far(model, manifest, data, config, runtime.device, scores)
    todo: list[int] = broadcast(np.flatnonzero(~is_scored(done)).tolist(), world)
    videos_at_once = max(config.batch_size // config.num_views, 1)
    loader = view_loader(dataset, videos_at_once, runtime.num_workers, todo[world.rank :: world.size])
    steps = len(todo) * config.num_views // (config.batch_size * world.size)
    how = how_to_compile(runtime.compile, runtime.device, steps)
    score = Scorer(for_inference(model), config.batch_size, runtime.device, how)
    results = scored_videos(score, loader)
    part = videos_at_once * (1 if world.size == 1 else BATCHES_PER_GATHER)
    reasons: dict[int, str] = {}
    with tqdm(total=len(todo), desc="evaluate", disable=not runtime.progress or not world.is_main) as bar:
        for _ in range(0, len(todo), part * world.size):  # the same number of rounds in every rank
            for video in chain.from_iterable(all_gather(list(islice(results, part)), world)):
                if isinstance(video, Unreadable):
                    if config.bad_videos == "error":
                        raise bad_video(manifest, video)
                    reasons[video.row] = video.reason
                elif not np.isfinite(video.scores).all():
                    raise ValueError(
                        "expected finite scores, got nan or inf; the network has diverged, train it with a lower lr"
                    )
                elif world.is_main:
                    done[video.row] = video.scores
                bar.update()
    if len(reasons) == len(dataset):
        raise ValueError(
            f"expected videos that can be read, got none of {len(dataset)} in {manifest.file} (the first: "
            f"{reasons.get(0)}); 'dnrlab manifest check' lists what is wrong"
        )
    tables = video_scores(manifest, done, reasons, num_crops=config.num_crops) if world.is_main else None
    predictions: Predictions = broadcast(tables, world)
    return predictions


def for_inference(model: nn.Module) -> nn.Module:
    """``optimize_for_inference``, or the network itself where it cannot be copied."""
    try:
        return optimize_for_inference(model)
    except (RuntimeError, TypeError) as error:  # such as a network that stores its last features
        log.info(f"{type(model).__name__} is evaluated as it is, since it cannot be copied: {error}")
        return model


def scores_so_far(
    model: nn.Module, manifest: Manifest, data: DataConfig, config: EvalConfig, device: str, file: ScoresFile | None
) -> Scores:
    """Scores (rows, views, classes) from an earlier call. Rows without scores are nan."""
    shape = (len(manifest.rows), config.num_views, len(manifest.classes))
    if file is None:
        return open_scores(None, shape, {})
    views = {"num_clips": config.num_clips, "num_crops": config.num_crops}
    arithmetic = "bfloat16" if device.startswith("cuda") else "float32"
    return open_scores(file.path, shape, fingerprint(model, file.model, manifest, data, views, arithmetic))


def scored_videos(score: "Scorer", loader: Iterable[list[Views | Unreadable]]) -> Iterator[Scored | Unreadable]:
    """Every video of a loader, with its scores or the reason why it has none."""
    for videos in loader:
        read = [video for video in videos if not isinstance(video, Unreadable)]
        scores: Iterable[Scores] = score.of_views(read) if read else ()
        yield from (Scored(video.row, values) for video, values in zip(read, scores, strict=True))
        yield from (video for video in videos if isinstance(video, Unreadable))


class Scorer:
    """Softmax scores by a network, compiled or not.

    Args:
        batch_size: views that are cut and go through the network at a time. A compiled network gets a smaller batch
            filled up with black clips, whose scores are left out.
        how: off, default or graphs; see ``dnrlab.compiling``.
    """

    def __init__(self, model: nn.Module, batch_size: int, device: str, how: str) -> None:
        self.model, self.batch_size, self.device, self.how = model, batch_size, device, how
        self.run: Callable[[Tensor], Tensor] | None = None

    @torch.inference_mode()
    def of_views(self, videos: Sequence[Views]) -> Scores:
        """Scores (N, views, classes) of all views of N videos."""
        on_device = [video.to(self.device) for video in videos]
        views = [(video, view) for video in on_device for view in range(video.num_views)]
        scores = []
        for start in range(0, len(views), self.batch_size):
            clips = torch.stack([video.clip(view) for video, view in views[start : start + self.batch_size]])
            scores.append(self.of_clips(clips))
        return np.asarray(torch.cat(scores).cpu().unflatten(0, (len(videos), -1)).numpy())

    def of_clips(self, clips: Tensor) -> Tensor:
        """Scores (N, classes), float32, of clips (N, 3, T, H, W), uint8 or in [0, 1], N at most ``batch_size``."""
        count = len(clips)
        if self.how != "off":
            clips = torch.cat([clips, clips.new_zeros(self.batch_size - count, *clips.shape[1:])])
        with autocast(self.device):
            if self.run is None:
                self.run = compiled(self.logits, [clips], self.how, model=self.model, name="the network")
            return self.run(clips)[:count].float().softmax(dim=1)

    def logits(self, clips: Tensor) -> Tensor:
        """Logits (N, classes)."""
        logits: Tensor = self.model(normalize(clips))
        return logits
