"""What an evaluation of real videos takes beyond decoding and computing, which can go on beside each other."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import nn

from dnrlab.bench.networks import BenchConfig, build, variants
from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import Unreadable, VideoViews
from dnrlab.data.decode.reader import READER, forget_facts
from dnrlab.data.decode.types import Reader
from dnrlab.data.manifest import Manifest, read_manifest
from dnrlab.device import Runtime
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.evaluation.evaluate import Scorer
from dnrlab.models.create import frames_per_segment
from dnrlab.models.inference import optimize_for_inference


def evaluation_times(
    model: nn.Module, videos: Manifest, data: DataConfig, views: EvalConfig, reader: Reader, runtime: Runtime
) -> dict[str, Any]:
    """Time the decoding of all test views, the network on them, and ``evaluate``, which does both.

    Returns: videos; views, per video; decode_seconds and network_seconds, each alone, CPU seconds of this process;
        network_wall_seconds and evaluate_seconds, elapsed; bound_seconds, the least that both can take together: on a
        CPU their CPU seconds divided by the cores, on a GPU the longer of decoding by all workers and the network;
        ratio, evaluate_seconds / bound_seconds.

    Raises: ValueError that names the row of a video that cannot be read, which would count as a fast one.
    """
    cores, on_gpu = os.cpu_count() or 1, runtime.device.startswith("cuda")
    evaluate(model, videos, data, views, reader=reader, runtime=runtime)  # imports, kernels and caches
    forget_facts()
    dataset = VideoViews(videos, data, reader, num_clips=views.num_clips, num_crops=views.num_crops)
    score = Scorer(optimize_for_inference(model), views.batch_size, runtime.device, "off")
    decoded = network = elapsed = 0.0
    for row in range(len(dataset)):  # one video in memory at a time
        seconds, _, item = cpu_seconds(partial(dataset.__getitem__, row))
        if isinstance(item, Unreadable):
            raise ValueError(f"expected videos that can be read, got row {item.row}: {item.reason}; leave it out")
        own, own_elapsed, _ = cpu_seconds(partial(score.of_views, [item]))
        decoded, network, elapsed = decoded + seconds, network + own, elapsed + own_elapsed
    forget_facts()
    together = cpu_seconds(lambda: evaluate(model, videos, data, views, reader=reader, runtime=runtime))[1]
    bound = max(decoded / max(runtime.num_workers, 1), elapsed) if on_gpu else (decoded + network) / cores
    return {
        "videos": len(dataset),
        "views": views.num_views,
        "decode_seconds": decoded,
        "network_seconds": network,
        "network_wall_seconds": elapsed,
        "evaluate_seconds": together,
        "bound_seconds": bound,
        "ratio": together / bound,
    }


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds of this process, elapsed seconds, and the result."""
    start = time.process_time(), time.perf_counter()
    result = work()
    return time.process_time() - start[0], time.perf_counter() - start[1], result


def time_evaluations(
    names: Sequence[str], config: BenchConfig, manifest: str, *, device: str = "cpu", num_workers: int = 0
) -> pd.DataFrame:
    """``evaluation_times`` of all videos of a manifest, by each network without and with DNR, in as many views.

    Returns: one row per network: network, and what ``evaluation_times`` returns.

    Raises: see ``evaluation_times``; ValueError if the views of the configuration are no clips of three crops.
    """
    videos = read_manifest(manifest)
    if config.views != 1 and config.views % 3:
        raise ValueError(f"expected views of 1 or a multiple of 3 crops, got {config.views}; the paper has 30")
    views = EvalConfig(num_clips=max(config.views // 3, 1), num_crops=1 if config.views == 1 else 3)
    views = replace(views, batch_size=config.batch_size)
    runtime, rows = Runtime(device=device, num_workers=num_workers, compile="off"), []
    for label, name, dnr in variants(names):
        torch.manual_seed(config.seed)
        model = build(name, replace(config, num_classes=len(videos.classes)), dnr).to(device)
        data = DataConfig(
            sampling="segments",
            num_frames=config.num_frames,
            frames_per_segment=frames_per_segment(name),
            crop_size=config.crop_size,
            short_side=config.crop_size * 8 // 7,
        )
        times = evaluation_times(model, videos, data, views, READER, runtime)
        rows.append({"network": label, **times})
    return pd.DataFrame(rows)
