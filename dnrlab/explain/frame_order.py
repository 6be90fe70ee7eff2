"""What networks predict when the frames of a clip are in another order."""

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
    leaves the order within them. If there are two or more to shuffle, their order changes: 4 frames in groups of 2 give
    [1, 0, 3, 2] and [2, 3, 0, 1].

    Raises: ValueError for an unknown order.
    """
    if order not in ORDERS:
        raise ValueError(f"expected order {', '.join(ORDERS)}, got {order!r}; choose one of these")
    frames = torch.arange(num_frames)
    if order == "backwards":
        return frames.flip(0)
    groups = frames.split(group)
    if order == "within groups":
        groups = tuple(own[shuffled(len(own), generator)] for own in groups)
    if order == "across groups":
        groups = tuple(groups[index] for index in shuffled(len(groups), generator).tolist())
    return torch.cat(groups)


def shuffled(number: int, generator: torch.Generator) -> Tensor:
    """A random order of ``number`` things; with two or more it differs from the original order."""
    while True:
        order = torch.randperm(number, generator=generator)
        if number < 2 or not torch.equal(order, torch.arange(number)):
            return order


def in_order(clips: Tensor, indices: Tensor, order: str, frames_per_segment: int) -> Tensor:
    """Clips (N, 3, T * f, H, W) with their T segments of f frames in the order of ``indices`` (N, T).

    Backwards, the frames within each segment are reversed too.
    """
    segments: Tensor = clips.unflatten(2, (indices.shape[1], frames_per_segment))  # (N, 3, T, f, H, W)
    segments = torch.stack([own[:, own_order] for own, own_order in zip(segments, indices, strict=True)])
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
    """Run every network on the middle clip of every video in all ``ORDERS``. All networks get the same shuffles.

    Returns: columns row, source, label, network, order, predicted, right (predicts the video's label), same (predicts
    the class that it predicts forwards), and turned (predicts the class of the video played backwards; nan if the
    classes are not those of the synthetic set).
    """
    generator, sources = torch.Generator().manual_seed(seed), sources_of(manifest)
    table: list[dict[str, Any]] = []
    batches, total = read_views(manifest, rows, data, BATCH), -(-len(rows) // BATCH)
    for batch_rows, views in tqdm(batches, desc="orders", disable=not runtime.progress, total=total):
        indices = {
            order: torch.stack([reordered(data.num_frames, order, group, generator) for _ in views]) for order in ORDERS
        }
        for name, run in runs.items():
            clips = normalize(torch.stack([clip_for(run, view) for view in views]).to(runtime.device))
            predicted: dict[str, list[str]] = {}  # by order
            for order in ORDERS:
                ordered = in_order(clips, indices[order], order, run.recipe.data.frames_per_segment)
                predicted[order] = [run.classes[best] for best in run.model(ordered).argmax(dim=1).tolist()]
            for index, (row, view) in enumerate(zip(batch_rows, views, strict=True)):
                own = {order: predicted[order][index] for order in ORDERS}
                partner = partner_of(view.label) if set(run.classes) == set(CLASSES) else None
                table += rows_per_order(
                    {"row": row, "source": sources[row], "label": view.label, "network": name}, own, partner
                )
    return pd.DataFrame(table)


def relay_group(runs: Mapping[str, Run]) -> int:
    """The relay distance of the runs with DNR; without any, 4, the paper's. ValueError if they differ."""
    found = {run.recipe.model.dnr.relay_distance for run in runs.values() if run.recipe.model.dnr is not None}
    if len(found) > 1:
        raise ValueError(
            f"expected runs of one relay distance, got {sorted(found)}; compare them separately, or set the group"
        )
    return found.pop() if found else PAPER.relay_distance


def partner_of(label: str) -> str:
    """The synthetic class that ``label`` becomes when it is played backwards: ``up`` gives ``down``."""
    return next(name for name in pair_of(label) if name != label)


def rows_per_order(facts: Mapping[str, Any], predicted: Mapping[str, str], partner: str | None) -> list[dict[str, Any]]:
    """One row per order: the predicted class, and whether it is right, the same as forwards, and the partner class."""
    return [
        {
            **facts,
            "order": order,
            "predicted": guess,
            "right": float(guess == facts["label"]),
            "same": float(guess == predicted["forwards"]),
            "turned": float(guess == partner) if partner else float("nan"),
        }
        for order, guess in predicted.items()
    ]
