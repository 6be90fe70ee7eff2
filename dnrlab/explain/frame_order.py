"""What networks say when the frames of a clip stand in another order."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from dnrlab.data.config import DataConfig
from dnrlab.data.manifest import Manifest
from dnrlab.data.synthetic.motions import CLASSES, pair_of
from dnrlab.data.transforms import normalize
from dnrlab.device import ON_CPU, Runtime
from dnrlab.explain.clips import BATCH, clip_for, read_views, sources_of
from dnrlab.relay.config import PAPER
from dnrlab.runs.load import Run

ORDERS = ("forwards", "backwards", "within groups", "across groups")


def reordered(num_frames: int, order: str, group: int, generator: torch.Generator) -> Tensor:
    """Indices (T,) of the frames of a clip in one of ``ORDERS``.

    ``within groups`` shuffles the frames of each group of ``group`` frames; ``across groups`` shuffles the groups and
    keeps the order within them. Where there are several, neither gives the order in which they came: 4 frames in groups
    of 2 give [1, 0, 3, 2] and [2, 3, 0, 1].

    Raises: ValueError for another order.
    """
    if order not in ORDERS:
        raise ValueError(f"expected an order of {', '.join(ORDERS)}, got {order!r}")
    frames = torch.arange(num_frames)
    if order == "backwards":
        return frames.flip(0)
    groups = frames.split(group)
    if order == "within groups":
        groups = tuple(own[shuffled(len(own), generator)] for own in groups)
    if order == "across groups":
        groups = tuple(groups[place] for place in shuffled(len(groups), generator).tolist())
    return torch.cat(groups)


def shuffled(number: int, generator: torch.Generator) -> Tensor:
    """A random order of ``number`` things other than that in which they came, if there are two at least."""
    while True:
        order = torch.randperm(number, generator=generator)
        if number < 2 or not torch.equal(order, torch.arange(number)):
            return order


def in_order(clips: Tensor, indices: Tensor, order: str, frames_per_segment: int) -> Tensor:
    """Clips (N, 3, T * f, H, W) with their T segments of f frames by ``indices`` (N, T); backwards these turn round."""
    segments: Tensor = clips.unflatten(2, (indices.shape[1], frames_per_segment))  # (N, 3, T, f, H, W)
    segments = torch.stack([own[:, order_of] for own, order_of in zip(segments, indices, strict=True)])
    if order == "backwards":
        segments = segments.flip(3)
    return segments.flatten(2, 3)


@torch.inference_mode()
def reversal_table(
    runs: Mapping[str, Run],
    manifest: Manifest,
    rows: Sequence[int],
    *,
    data: DataConfig,
    group: int,
    seed: int = 0,
    runtime: Runtime = ON_CPU,
) -> pd.DataFrame:
    """Every network on the middle clip of every video in all ``ORDERS``; shuffles are the same for all networks.

    Returns: row, label, network, order, predicted, right (the label of the video as it was), same (as forwards), and
    turned (the class of the video played backwards; nan if the classes are not those of the synthetic set).
    """
    generator, sources = torch.Generator().manual_seed(seed), sources_of(manifest)
    table: list[dict[str, Any]] = []
    batches, total = read_views(manifest, rows, data, BATCH), -(-len(rows) // BATCH)
    for numbers, views in tqdm(batches, desc="orders", disable=not runtime.progress, total=total):
        indices = {
            order: torch.stack([reordered(data.num_frames, order, group, generator) for _ in views]) for order in ORDERS
        }
        for name, run in runs.items():
            clips = normalize(torch.stack([clip_for(run, view) for view in views]).to(runtime.device))
            said: dict[str, list[str]] = {}
            for order in ORDERS:
                ordered = in_order(clips, indices[order], order, run.recipe.data.frames_per_segment)
                said[order] = [run.classes[best] for best in run.model(ordered).argmax(dim=1).tolist()]
            for place, (number, view) in enumerate(zip(numbers, views, strict=True)):
                own = {order: said[order][place] for order in ORDERS}
                partner = partner_of(view.label) if set(run.classes) == set(CLASSES) else None
                table += judged(
                    {"row": number, "source": sources[number], "label": view.label, "network": name}, own, partner
                )
    return pd.DataFrame(table)


def relay_group(runs: Mapping[str, Run]) -> int:
    """Frames a group of the runs with DNR; 4, the paper's, without any. ValueError if they differ."""
    found = {run.recipe.model.dnr.relay_distance for run in runs.values() if run.recipe.model.dnr is not None}
    if len(found) > 1:
        raise ValueError(f"expected runs of one relay distance, got {sorted(found)}; play them apart, or give one")
    return found.pop() if found else PAPER.relay_distance


def partner_of(label: str) -> str:
    """The synthetic class that ``label`` becomes when it is played backwards: ``up`` gives ``down``."""
    return next(name for name in pair_of(label) if name != label)


def judged(facts: Mapping[str, Any], said: Mapping[str, str], partner: str | None) -> list[dict[str, Any]]:
    """A row an order: what was ``said``, and whether it is right, the same as forwards, and the partner class."""
    return [
        {
            **facts,
            "order": order,
            "predicted": guess,
            "right": float(guess == facts["label"]),
            "same": float(guess == said["forwards"]),
            "turned": float(guess == partner) if partner else float("nan"),
        }
        for order, guess in said.items()
    ]
