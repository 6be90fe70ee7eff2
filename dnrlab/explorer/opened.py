"""What the explorer opens: runs, and the videos of a split."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dnrlab.data.config import DataConfig
from dnrlab.data.manifest import Manifest, open_manifest, select
from dnrlab.explain.clips import same_clips
from dnrlab.explorer.scores import stored_predictions
from dnrlab.figures import short_names
from dnrlab.relay.config import PAPER
from dnrlab.runs.load import Run, load_run


class Opened(NamedTuple):
    """Networks by name, and the videos that they look at."""

    runs: dict[str, Run]
    folders: dict[str, str]
    videos: Manifest
    device: str
    data: DataConfig  # the clips that fit all networks
    group: int  # frames per group in shuffles: the relay distance of the first network with DNR
    predictions: dict[str, pd.DataFrame]  # of the runs that were evaluated on this split

    @property
    def with_dnr(self) -> list[str]:
        """Names of the networks with DNR."""
        return [name for name, run in self.runs.items() if run.recipe.model.dnr is not None]

    @property
    def classes(self) -> list[str]:
        """The classes of all networks."""
        return sorted({name for run in self.runs.values() for name in run.classes})

    @property
    def layers(self) -> list[str]:
        """The stages that all networks have, whose heat maps can be drawn."""
        names = [{name for name, _ in run.model.named_children()} for run in self.runs.values()]
        return sorted(name for name in set.intersection(*names) if name.startswith("layer"))


def open_runs(runs: Sequence[str | Path], manifest: str | Path, split: str, device: str) -> Opened:
    """Open run folders and a split of a manifest.

    Raises: what ``load_run`` and ``read_manifest`` raise; ValueError if there is no run, the runs take different clips,
        or the split has no videos.
    """
    if not runs:
        raise ValueError("expected at least one run, got none; give run folders")
    folders = [str(folder) for folder in runs]
    networks = {name: load_run(folder, device) for name, folder in zip(short_names(folders), folders, strict=True)}
    data = same_clips(list(networks.values()))
    group = next((run.recipe.model.dnr for run in networks.values() if run.recipe.model.dnr), PAPER).relay_distance
    videos = select(open_manifest(str(manifest)), split or None, next(iter(networks.values())).classes)
    if not len(videos.rows):
        raise ValueError(f"expected videos of split {split!r} in {videos.file}, got none; choose another split")
    named = dict(zip(networks, folders, strict=True))
    return Opened(networks, named, videos, device, data, group, stored_predictions(named, split))
