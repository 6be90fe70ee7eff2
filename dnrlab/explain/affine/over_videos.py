"""Gamma and beta of a run over many videos, and what becomes of its accuracy when the relay is cut."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import normalize
from dnrlab.evaluation.intervals import mean_interval
from dnrlab.explain.affine.record import Affine, record_dynamics
from dnrlab.explain.affine.relay_cut import record_influence, relay_cells, relay_cut
from dnrlab.explain.affine.timeline import Timeline
from dnrlab.explain.clips import BATCH, read_views, sources_of
from dnrlab.runs.load import Run

CUTS: dict[str, tuple[str, ...]] = {
    "none": (),
    "over time": ("cross_temporal",),
    "over layers": ("cross_layer",),
    "both": ("cross_temporal", "cross_layer"),
}


class Recordings(NamedTuple):
    """Of N clips: what every layer received, labels and sources, and what the relay changes."""

    affine: Mapping[tuple[str, str], Affine]
    labels: list[str]
    sources: list[str]  # of sources_of
    influence: pd.DataFrame  # of Influence.table


@torch.inference_mode()
def record_split(run: Run, manifest: Manifest, rows: Sequence[int], *, device: str = "cpu") -> Recordings:
    """Run a network over the middle clips of some videos. A warning names those that cannot be read.

    Raises: ValueError if none could be read, or the network has no DNR.
    """
    labels: list[str] = []
    sources: list[str] = []
    with record_dynamics(run.model) as dynamics, record_influence(run.model) as influence:
        for clips, own, of in clips_of(run, manifest, rows, device):
            run.model(clips)
            labels, sources = labels + own, sources + of
    return Recordings(dynamics.arrays(), labels, sources, influence.table())


@torch.inference_mode()
def accuracy_when_cut(run: Run, manifest: Manifest, rows: Sequence[int], *, device: str = "cpu") -> pd.DataFrame:
    """Top-1 of the middle clips with the relay whole, cut over time, over layers, or both (state zero at every step).

    A network that relays in one way has that cut alone. Returns: cut, mean, low, high, n.

    Raises: ValueError if no video could be read, or the network has no DNR.
    """
    present = {kind for kind, _ in relay_cells(run.model).values()}
    cuts = {cut: kinds for cut, kinds in CUTS.items() if set(kinds) <= present}
    hits: dict[str, list[bool]] = {cut: [] for cut in cuts}
    sources: list[str] = []
    for clips, labels, own in clips_of(run, manifest, rows, device):
        sources += own
        for cut, kinds in cuts.items():
            with relay_cut(run.model, *kinds) if kinds else nullcontext():
                best = run.model(clips).argmax(dim=1).tolist()
            hits[cut] += [run.classes[index] == label for index, label in zip(best, labels, strict=True)]
    return pd.DataFrame([{"cut": cut, **mean_interval(each, sources)._asdict()} for cut, each in hits.items()])


def clips_of(
    run: Run, manifest: Manifest, rows: Sequence[int], device: str
) -> Iterator[tuple[Tensor, list[str], list[str]]]:
    """Batches of normalised clips (N, 3, T, crop, crop), their labels, and their sources."""
    sources = sources_of(manifest)
    for numbers, views in read_views(manifest, rows, run.recipe.data, BATCH):
        clips = normalize(torch.stack([view.clip for view in views]).to(device))
        yield clips, [view.label for view in views], [sources[number] for number in numbers]


def trajectories(lines: Sequence[Timeline], layer: str) -> pd.DataFrame:
    """Gamma and beta of a layer along several videos, seen in the two directions in which they differ most.

    Principal components of all points (a point: gamma and beta of all channels, each standardised).
    Returns: video, label, seconds, first, second (the coordinates), and explained: the part of the variance seen.
    """
    points, where = [], []
    for video, line in enumerate(lines):
        own = line.table[line.table["layer"] == layer]
        wide = own.pivot(index="seconds", columns="channel", values=["gamma", "beta"]).sort_index()
        points.append(wide.to_numpy())
        where += [{"video": video, "label": line.label, "seconds": at} for at in wide.index]
    cloud = np.concatenate(points)
    deviation = cloud.std(axis=0)
    standard = (cloud - cloud.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    seen = PCA(n_components=2).fit(standard)
    first, second = seen.transform(standard).T
    explained = float(seen.explained_variance_ratio_.sum())
    return pd.DataFrame(where).assign(first=first, second=second, explained=explained)
