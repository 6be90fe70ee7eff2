"""What the table of videos needs of each network: predictions, from a file or computed, and how much gamma moves."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnrlab.data.config import DataConfig
from dnrlab.data.csv_table import SECONDS
from dnrlab.data.manifest import Manifest
from dnrlab.data.transforms import normalize
from dnrlab.evaluation.results import read_results
from dnrlab.evaluation.video_scores import SCORE
from dnrlab.explain.affine.record import Affine, record_dynamics
from dnrlab.explain.clips import BATCH, clip_for, read_views
from dnrlab.runs.load import Run

FEW = 4  # videos that are scored before the thread may do something else
NUM_MEANS = 16  # videos of a class whose gamma and beta are averaged


def stored_predictions(folders: Mapping[str, str], split: str) -> dict[str, pd.DataFrame]:
    """The predictions of an evaluation of this split, for each run that has them.

    Raises: ValueError if a file is damaged.
    """
    found = {name: read_results(folder, split) for name, folder in folders.items()}
    return {name: results[1] for name, results in found.items() if results is not None}


def score_videos(
    runs: Mapping[str, Run], manifest: Manifest, data: DataConfig, device: str
) -> Iterator[tuple[int, dict[str, list[pd.DataFrame]], pd.Series]]:
    """Score the middle clip of each video, a few at a time by one network after the other.

    Yields: videos so far; the predictions of each run, in parts for ``tables_of``; the movement of gamma by row.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in runs}
    movement = pd.Series(np.nan, index=range(len(manifest.rows)))
    done, last = 0, list(runs)[-1]
    for rows, views in read_views(manifest, range(len(manifest.rows)), data, FEW):
        moved: list[NDArray[np.float32]] = []
        for name, run in runs.items():
            clips = normalize(torch.stack([clip_for(run, view) for view in views]).to(device))
            scores, of_gamma = scores_and_movement(run, clips)
            own = manifest.rows.iloc[rows].reset_index(drop=True)
            best = scores.argmax(axis=1)
            columns = {f"{SCORE}{each}": scores[:, index] for index, each in enumerate(run.classes)}
            predicted = pd.DataFrame({"predicted": [run.classes[index] for index in best], **columns})
            parts[name].append(
                pd.concat([own[["path", "label", *(name for name in SECONDS if name in own)]], predicted], axis=1)
            )
            moved += [] if of_gamma is None else [of_gamma]
            if moved:
                movement.iloc[rows] = np.max(moved, axis=0)
            done += len(rows) if name == last else 0
            yield done, parts, movement


def tables_of(parts: Mapping[str, list[pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The predictions of each run, as ``read_results`` gives them."""
    return {name: pd.concat(own, ignore_index=True) for name, own in parts.items() if own}


@torch.inference_mode()
def scores_and_movement(run: Run, clips: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Softmax scores (N, classes) of clips, and how much gamma moves in each, (N,); None without DNR."""
    if run.recipe.model.dnr is None:
        return run.model(clips).float().softmax(dim=1).cpu().numpy(), None
    with record_dynamics(run.model) as dynamics:
        scores = run.model(clips).float().softmax(dim=1).cpu().numpy()
    return scores, movement_of(list(dynamics.arrays().values()))


def movement_of(layers: Sequence[Affine]) -> NDArray[np.float32]:
    """How much gamma (N, C, G) moves in each clip: its range over the groups, averaged over channels and layers: (N,).

    Layers with one group do not move. Two layers with mean ranges of 0.1 and 0.3 give 0.2.
    """
    ranges = [np.ptp(each.gamma, axis=2).mean(axis=1) for each in layers if each.gamma.shape[2] > 1]
    return np.mean(ranges, axis=0) if ranges else np.zeros(len(layers[0].gamma), dtype=np.float32)


def affine_means(
    run: Run, manifest: Manifest, label: str, data: DataConfig, device: str
) -> dict[tuple[str, str], tuple[Tensor, Tensor]]:
    """Mean gamma and beta (C,) by layer and kind, over up to ``NUM_MEANS`` videos of a class and all frame groups.

    Raises: ValueError if the manifest has no readable video of the class, or the network no DNR.
    """
    rows = np.flatnonzero((manifest.rows["label"] == label).to_numpy())
    if not len(rows):
        raise ValueError(f"expected videos of {label!r} in {manifest.file.name}, got none; choose another video")
    rows = rows[np.linspace(0, len(rows) - 1, min(NUM_MEANS, len(rows))).round().astype(int)]
    with record_dynamics(run.model) as dynamics, torch.inference_mode():
        for _, views in read_views(manifest, rows.tolist(), data, BATCH):
            run.model(normalize(torch.stack([clip_for(run, view) for view in views]).to(device)))
    arrays = dynamics.arrays()
    return {
        key: (torch.from_numpy(own.gamma.mean(axis=(0, 2))), torch.from_numpy(own.beta.mean(axis=(0, 2))))
        for key, own in arrays.items()
    }
