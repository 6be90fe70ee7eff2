"""Gamma and beta of a run over many videos, and its accuracy when the relay is cut."""

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
    """Recordings of N clips: gamma and beta of every layer, labels, sources, and what the relay changes."""

    affine: Mapping[tuple[str, str], Affine]
    labels: list[str]
    sources: list[str]  # from sources_of
    influence: pd.DataFrame  # from Influence.table


@torch.inference_mode()
def record_split(run: Run, manifest: Manifest, rows: Sequence[int], *, device: str = "cpu") -> Recordings:
    """Record a network on the middle clips of some videos. A warning names each video that cannot be read.

    Raises: ValueError if no video can be read, or the network has no DNR.
    """
    known = sources_of(manifest)
    labels: list[str] = []
    sources: list[str] = []
    with record_dynamics(run.model) as dynamics, record_influence(run.model) as influence:
        for batch_rows, clips, batch_labels in clips_of(run, manifest, rows, device):
            run.model(clips)
            labels, sources = labels + batch_labels, sources + [known[row] for row in batch_rows]
    return Recordings(dynamics.arrays(), labels, sources, influence.table())


@torch.inference_mode()
def predictions_when_cut(run: Run, manifest: Manifest, rows: Sequence[int], *, device: str = "cpu") -> pd.DataFrame:
    """Predicted classes of the middle clips with the whole relay, and with it cut over time, over layers, or both.

    Where the relay is cut, the state is zero at every step. A network with one kind of relay has only that cut.

    Returns: path, source, label, and the predicted class in a column for each cut, see ``CUTS``; one row per video that
        can be read.

    Raises: ValueError if no video can be read, or the network has no DNR.
    """
    present = {kind for kind, _ in relay_cells(run.model).values()}
    cuts = {cut: kinds for cut, kinds in CUTS.items() if set(kinds) <= present}
    sources, batches = sources_of(manifest), []
    for batch_rows, clips, labels in clips_of(run, manifest, rows, device):
        paths = [str(manifest.rows["path"].iloc[row]) for row in batch_rows]
        table = pd.DataFrame({"path": paths, "source": [sources[row] for row in batch_rows], "label": labels})
        for cut, kinds in cuts.items():
            with relay_cut(run.model, *kinds) if kinds else nullcontext():
                table[cut] = [run.classes[index] for index in run.model(clips).argmax(dim=1).tolist()]
        batches.append(table)
    return pd.concat(batches, ignore_index=True)


def accuracy_when_cut(predictions: pd.DataFrame) -> pd.DataFrame:
    """Top-1 with the whole relay and with each cut, from ``predictions_when_cut``: cut, mean, low, high, n."""
    hits = {cut: predictions[cut] == predictions["label"] for cut in CUTS if cut in predictions}
    rows = [{"cut": cut, **mean_interval(each, predictions["source"])._asdict()} for cut, each in hits.items()]
    return pd.DataFrame(rows)


def clips_of(
    run: Run, manifest: Manifest, rows: Sequence[int], device: str
) -> Iterator[tuple[list[int], Tensor, list[str]]]:
    """Batches of rows, of normalised clips (N, 3, T, crop, crop), and of labels."""
    for batch_rows, views in read_views(manifest, rows, run.recipe.data, BATCH):
        clips = normalize(torch.stack([view.clip for view in views]).to(device))
        yield batch_rows, clips, [view.label for view in views]


def trajectories(lines: Sequence[Timeline], layer: str) -> pd.DataFrame:
    """Gamma and beta of a layer along several videos, as their first two principal components.

    A point is gamma and beta of all channels at one time, each standardized. The components are those of all points.

    Returns: columns video, label, seconds, first, second (the coordinates), and explained, the share of the variance
    that the two components have.
    """
    points, times = [], []
    for video, line in enumerate(lines):
        own = line.table[line.table["layer"] == layer]
        wide = own.pivot(index="seconds", columns="channel", values=["gamma", "beta"]).sort_index()
        points.append(wide.to_numpy())
        times += [{"video": video, "label": line.label, "seconds": at} for at in wide.index]
    cloud = np.concatenate(points)
    deviation = cloud.std(axis=0)
    standard = (cloud - cloud.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    components = PCA(n_components=2).fit(standard)
    first, second = components.transform(standard).T
    explained = float(components.explained_variance_ratio_.sum())
    return pd.DataFrame(times).assign(first=first, second=second, explained=explained)
