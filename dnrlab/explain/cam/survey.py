"""Measures of the heat maps of several networks over a whole split: one row per video and network."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from dnrlab.data.config import DataConfig
from dnrlab.data.manifest import Manifest
from dnrlab.device import ON_CPU, Runtime
from dnrlab.explain.cam.deletion import area_under, deletion_and_insertion, random_heat
from dnrlab.explain.cam.heatmaps import Explanation, explain_clips
from dnrlab.explain.cam.localisation import localisation
from dnrlab.explain.cam.objects import object_track, object_traits
from dnrlab.explain.cam.randomization import forgetting, similarity
from dnrlab.explain.clips import BATCH, ClipView, clip_for, read_views, sources_of, view_clip
from dnrlab.runs.load import Run

Measure = Callable[[Run, ClipView, Explanation], dict[str, float]]


BLOB = "a blob at the centre"


CELLS = 6  # per side of random maps: as coarse as heat maps of ``sharp_layer``


def survey(
    runs: Mapping[str, Run],
    manifest: Manifest,
    rows: Sequence[int],
    measure: Measure,
    *,
    data: DataConfig,
    layer: str,
    target: str = "predicted",
    runtime: Runtime = ON_CPU,
) -> pd.DataFrame:
    """Measure the map of every network for the clips of some videos.

    Videos that cannot be read are left out for all networks, with a warning.

    Returns: columns row, source, path, label, network, predicted, right, and the columns of ``measure``.

    Raises: ValueError if no video can be read.
    """
    table: list[dict[str, Any]] = []
    sources = sources_of(manifest)
    for batch_rows, views in tqdm(
        read_views(manifest, rows, data, BATCH),
        desc="maps",
        disable=not runtime.progress,
        total=-(-len(rows) // BATCH),
    ):
        for name, run in runs.items():
            found = explain_clips(run, views, layer=layer, target=target, device=runtime.device)
            for row, view, each in zip(batch_rows, views, found, strict=True):
                facts = {"row": row, "source": sources[row], "path": view.path, "label": view.label, "network": name}
                prediction = {"predicted": each.predicted, "right": each.predicted == view.label}
                table.append({**facts, **prediction, **measure(run, view, each)})
    return pd.DataFrame(table)


def with_controls(table: pd.DataFrame, boxes: pd.DataFrame, manifest: Manifest, data: DataConfig) -> pd.DataFrame:
    """A survey of objects, with added rows for a control map: a blob that stays at the centre of the frame.

    A network that is no better than the control need not look at objects: they are often near the centre.
    """
    blob, rows = centre_blob(data.num_frames, data.crop_size), []
    for _, own in table[table["network"] == table["network"].iloc[0]].iterrows():
        view = view_clip(manifest, own["row"], data, side=1)
        rows.append({**own, "network": BLOB, **localisation(blob, object_track(boxes, view, data))})
    return pd.concat([table, pd.DataFrame(rows)], ignore_index=True)


def centre_blob(num_frames: int, side: int) -> NDArray[np.float32]:
    """The same Gaussian in the middle of every frame, a sixth of the side wide: (T, S, S)."""
    squares = np.square((np.arange(side) + 0.5) / side - 0.5)
    frame = np.exp(-(squares[:, None] + squares) / (2 / 36))
    return np.repeat(frame[None], num_frames, axis=0).astype(np.float32)


def measure_objects(boxes: pd.DataFrame, data: DataConfig) -> Measure:
    """Localisation on the object, whose position is known, and the object's size, contrast and speed."""

    def measure(run: Run, view: ClipView, explained: Explanation) -> dict[str, float]:
        track = object_track(boxes, view, data)
        return {**localisation(explained.heat, track), **object_traits(track, view.frames)}

    return measure


def measure_faithfulness(device: str = "cpu", *, steps: int = 10, blind_maps: int = 3) -> Measure:
    """Deletion and insertion curves of the map and of random maps, and the areas under them.

    Scores are divided by the score of the whole clip, since networks differ in confidence. The random maps differ
    between videos and are the same for all networks; their curves are averaged.

    Columns: deletion, insertion, random_deletion, random_insertion; ``deletion_0`` to ``deletion_K`` and so on.
    """

    def measure(run: Run, view: ClipView, explained: Explanation) -> dict[str, float]:
        clip, index = clip_for(run, view).to(device), run.classes.index(explained.explained)
        generator = torch.Generator().manual_seed(zlib.crc32(f"{view.path} {view.frame_indices}".encode()))
        blind = [random_heat(explained.heat.shape, CELLS, generator) for _ in range(blind_maps)]
        values: dict[str, float] = {}
        for prefix, heats in (("", [torch.from_numpy(explained.heat)]), ("random_", blind)):
            found = [
                deletion_and_insertion(run.model, clip, of_all_frames(heat, run).to(device), index, steps=steps)
                for heat in heats
            ]
            for kind in ("deletion", "insertion"):
                curve = torch.stack([getattr(each, kind) for each in found]).mean(dim=0) / found[0].deletion[0]
                values[prefix + kind] = area_under(curve)
                values |= {f"{prefix}{kind}_{step}": float(score) for step, score in enumerate(curve)}
        return values

    return measure


def of_all_frames(heat: Tensor, run: Run) -> Tensor:
    """A map of the main frames (T, H, W), repeated for all frames of each segment: (T * frames_per_segment, H, W)."""
    return heat.repeat_interleave(run.recipe.data.frames_per_segment, dim=0)


def forgotten_maps(
    runs: Mapping[str, Run], views: Sequence[ClipView], *, layer: str, device: str = "cpu"
) -> pd.DataFrame:
    """How similar the maps of networks are to those of the same networks with random weights in more and more parts.

    The maps explain the class that the trained network predicts.

    Returns: columns network, forgotten (the part randomised last), step, clip, similarity (1 if all pixels have the
    same order, 0 if their orders are unrelated).
    """
    table = []
    for name, run in runs.items():
        trained = explain_clips(run, views, layer=layer, device=device)
        for step, (part, forgetful) in enumerate(forgetting(run), start=1):
            for clip, (view, before) in enumerate(zip(views, trained, strict=True)):
                (after,) = explain_clips(forgetful, [view], layer=layer, target=before.explained, device=device)
                alike = similarity(before.heat, after.heat)
                table.append({"network": name, "forgotten": part, "step": step, "clip": clip, "similarity": alike})
    return pd.DataFrame(table)
