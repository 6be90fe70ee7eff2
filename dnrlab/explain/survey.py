"""Heat maps of several networks over a whole split, and what is measured of each: a row a video and network."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from dnrlab.data.dataset import DataConfig
from dnrlab.data.decode import VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.explain.clips import ClipView, Explanation, clip_for, explain_clips, view_clip
from dnrlab.explain.faithfulness import area_under, deletion_and_insertion, random_heat
from dnrlab.explain.localisation import localisation
from dnrlab.explain.objects import object_track, object_traits
from dnrlab.explain.sanity import forgetting, similarity
from dnrlab.runs import Run

log = logging.getLogger("dnrlab")

Measure = Callable[[Run, ClipView, Explanation], dict[str, float]]
CELLS = 6  # a side, of random maps: as coarse as heat maps of ``sharp_layer``


def survey(
    runs: Mapping[str, Run],
    manifest: Manifest,
    rows: Sequence[int],
    measure: Measure,
    *,
    data: DataConfig,
    layer: str,
    target: str = "predicted",
    device: str = "cpu",
    batch_size: int = 16,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure the map of every network for the clips of some videos.

    Returns: columns row, path, label, network, predicted, right, and those of ``measure``. Videos that cannot be read
    are left out with a warning, for all networks alike.

    Raises: ValueError if none could be read.
    """
    table: list[dict[str, Any]] = []
    for numbers, views in tqdm(
        read_views(manifest, rows, data, batch_size),
        desc="maps",
        disable=not progress,
        total=-(-len(rows) // batch_size),
    ):
        for name, run in runs.items():
            found = explain_clips(run, views, layer=layer, target=target, device=device)
            for number, view, each in zip(numbers, views, found, strict=True):
                facts = {"row": number, "path": view.path, "label": view.label, "network": name}
                said = {"predicted": each.predicted, "right": each.predicted == view.label}
                table.append({**facts, **said, **measure(run, view, each)})
    if not table:
        raise ValueError(f"none of {len(rows)} videos of {manifest.file} could be read")
    return pd.DataFrame(table)


def spread_rows(num_rows: int, wanted: int) -> list[int]:
    """``wanted`` of the rows, evenly spread; all of them for 0 or too many. 4 of 10: 0, 3, 6, 9."""
    if not 0 < wanted < num_rows:
        return list(range(num_rows))
    return [round(place * (num_rows - 1) / max(wanted - 1, 1)) for place in range(wanted)]


def read_views(
    manifest: Manifest, rows: Sequence[int], data: DataConfig, batch_size: int
) -> Iterator[tuple[list[int], list[ClipView]]]:
    """The clips of some videos and their rows, a batch at a time; a warning names those that cannot be read."""
    for start in range(0, len(rows), batch_size):
        numbers, views = [], []
        for row in rows[start : start + batch_size]:
            try:
                views.append(view_clip(manifest, row, data, side=1))
            except VideoError as error:
                log.warning(f"left out: {error}")
            else:
                numbers.append(row)
        if views:
            yield numbers, views


def measure_objects(boxes: pd.DataFrame, data: DataConfig) -> Measure:
    """Localisation on the object of known place, and the object's size, contrast and speed."""

    def measure(run: Run, view: ClipView, explained: Explanation) -> dict[str, float]:
        track = object_track(boxes, view, data)
        return {**localisation(explained.heat, track), **object_traits(track, view.frames)}

    return measure


def measure_faithfulness(device: str = "cpu", *, steps: int = 10, seed: int = 0) -> Measure:
    """Areas under the deletion and the insertion curve, of the map and of a random one; and the curves themselves.

    Columns deletion, insertion, random_deletion, random_insertion; ``deletion_0`` to ``deletion_K`` and so on.
    """

    def measure(run: Run, view: ClipView, explained: Explanation) -> dict[str, float]:
        clip, index = clip_for(run, view).to(device), run.classes.index(explained.explained)
        generator = torch.Generator().manual_seed(seed)
        blind = random_heat(explained.heat.shape, CELLS, generator)
        values: dict[str, float] = {}
        for prefix, heat in (("", torch.from_numpy(explained.heat)), ("random_", blind)):
            over_all = of_all_frames(heat, run).to(device)
            curves = deletion_and_insertion(run.model, clip, over_all, index, steps=steps)
            for kind, curve in curves._asdict().items():
                values[prefix + kind] = area_under(curve)
                values |= {f"{prefix}{kind}_{step}": float(score) for step, score in enumerate(curve)}
        return values

    return measure


def of_all_frames(heat: Tensor, run: Run) -> Tensor:
    """A map of the main frames (T, H, W) over all frames of the clip: neighbours share that of their segment."""
    return heat.repeat_interleave(run.recipe.data.frames_per_segment, dim=0)


def forgotten_maps(
    runs: Mapping[str, Run], views: Sequence[ClipView], *, layer: str, device: str = "cpu"
) -> pd.DataFrame:
    """How alike the maps of networks are to those of the same networks with ever more parts at random weights.

    The class is the one that the trained network predicts. Returns: network, forgotten (the part forgotten last), step,
    clip, similarity (1 for the same order of all pixels, 0 for none).
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
