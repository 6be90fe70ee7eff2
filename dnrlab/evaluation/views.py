"""Scores of videos from several views: V clips times 1 or 3 crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dnrlab.data.dataset import DataConfig, Unreadable, VideoViews, Views
from dnrlab.data.decode import Reader
from dnrlab.data.loading import bad_video, check_bad_videos, view_loader
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import normalize


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """How many views a video is judged by. Kinetics: 10 clips of 3 crops; Something-Something: 1 and 1."""

    num_clips: int = 1
    num_crops: int = 1  # 1 (centre) or 3 (along the longer side)
    batch_size: int = 16  # views that go through the network at a time; bounds the memory
    bad_videos: str = "skip"  # what one does: left out, counted and listed, or error, which stops

    def __post_init__(self) -> None:
        check_bad_videos(self.bad_videos)
        if self.num_clips < 1 or self.num_crops not in (1, 3) or self.batch_size < 1:
            raise ValueError(f"expected num_clips and batch_size of at least 1 and num_crops of 1 or 3, got {self}")


class Predictions(NamedTuple):
    """Result of an evaluation; every row of the manifest is in one of the two tables."""

    videos: pd.DataFrame  # path, label, predicted (times too, if any), and scores in [0, 1], a column a class
    skipped: pd.DataFrame  # path, label, reason


def evaluate(
    model: nn.Module,
    manifest: Manifest,
    data: DataConfig,
    config: EvalConfig,
    *,
    reader: Reader,
    device: str = "cpu",
    num_workers: int = 0,
    progress: bool = False,
) -> Predictions:
    """Score every video of a manifest: the mean of the softmax scores of its views.

    Raises: ValueError if no video could be read; VideoError naming one, where ``bad_videos`` is ``error``.
    """
    dataset = VideoViews(manifest, data, reader, num_clips=config.num_clips, num_crops=config.num_crops)
    model.eval()
    scores: dict[int, list[float]] = {}
    reasons: dict[int, str] = {}
    videos_at_a_time = max(config.batch_size // (config.num_clips * config.num_crops), 1)
    loader = view_loader(dataset, videos_at_a_time, num_workers)
    for videos in tqdm(loader, desc="evaluate", disable=not progress):
        unreadable = [video for video in videos if isinstance(video, Unreadable)]
        if unreadable and config.bad_videos == "error":
            raise bad_video(manifest, unreadable[0])
        reasons |= {video.row: video.reason for video in unreadable}
        read = [video for video in videos if not isinstance(video, Unreadable)]
        if read:
            batch = video_scores(model, read, config.batch_size, device)
            scores |= {video.row: each for video, each in zip(read, batch.tolist(), strict=True)}
    if not scores:
        raise ValueError(f"none of {len(dataset)} videos of {manifest.file} could be read; the first: {reasons.get(0)}")
    rows = manifest.rows[[name for name in ("path", "start_seconds", "end_seconds", "label") if name in manifest.rows]]
    table = pd.DataFrame.from_dict(scores, orient="index", columns=list(manifest.classes)).sort_index()
    videos = pd.concat([rows.loc[table.index].assign(predicted=table.idxmax(axis=1)), table], axis=1)
    return Predictions(videos, rows.loc[sorted(reasons)].assign(reason=[reasons[row] for row in sorted(reasons)]))


@torch.inference_mode()
def video_scores(model: nn.Module, videos: Sequence[Views], batch_size: int, device: str) -> Tensor:
    """Mean softmax scores (N, classes) of N videos of equally many views; on the CPU."""
    clips = torch.stack([video._replace(frames=video.frames.to(device)).clips() for video in videos])  # cut there
    scores = []
    for views in clips.flatten(0, 1).split(batch_size):
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=device.startswith("cuda")):
            logits = model(normalize(views))  # (views, classes)
        scores.append(logits.float().softmax(dim=1).cpu())
    mean: Tensor = torch.cat(scores).unflatten(0, clips.shape[:2]).mean(dim=1)
    return mean
