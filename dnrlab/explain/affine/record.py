"""Recordings of the affine parameters that DNR generates."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from dnrlab.models.injected import InjectedNorm
from dnrlab.relay import RelayNorm
from dnrlab.relay.norm import Relayed

Array = NDArray[np.float32]

BLOCK = re.compile(
    r"(?:^|\.)([^.]+)\.(\d+)\."
)  # stage and block in the name of a layer: layer1.0.bn1, layer1.0.conv1.1


class Affine(NamedTuple):
    """Gamma and beta of a layer, each (N, C, G)."""

    gamma: Array
    beta: Array


class Recorded(NamedTuple):
    """Gamma and beta that a layer received from one of its sources in one forward pass."""

    layer: str
    kind: str  # cross_temporal, or cross_layer: G = 1, the whole clip
    gamma: Array  # (N, C, G)
    beta: Array  # (N, C, G)
    edges: NDArray[np.int64]  # (G + 1,): the first frame of each group, then T


class Dynamics:
    """Gamma and beta of all forward passes since the recording began."""

    def __init__(self) -> None:
        self.records: list[Recorded] = []
        self.num_frames = 0  # T of the current forward pass; after pooling over time a layer has fewer

    def add(self, layer: str, sources: Sequence[Relayed], lengths: Sequence[int]) -> None:
        """Store what a layer received in one forward pass, for groups of ``lengths`` frames."""
        for source in sources:
            own = lengths if source.gamma.shape[1] > 1 else [sum(lengths)]
            edges = np.rint(np.cumsum([0, *own]) * (self.num_frames / sum(own))).astype(int)
            gamma, beta = (each.detach().float().transpose(1, 2).cpu().numpy() for each in (source.gamma, source.beta))
            self.records.append(Recorded(layer, source.kind, gamma, beta, edges))

    def table(self) -> pd.DataFrame:
        """A tidy table: clip, layer, kind, stage, block, group, first_frame, last_frame, channel, gamma, beta.

        Frames are those of the clip (for TDN segments), also if the network pools over time.
        ``kind`` is cross_temporal (one row per frame group) or cross_layer (group 0 is the whole clip, and the relay
        runs over ``block``). A layer of both kinds applies their sum. Clips are counted over all forward passes.

        Raises: ValueError if nothing was recorded.
        """
        self.check()
        seen: dict[tuple[str, str], int] = {}
        tables = []
        for record in self.records:
            key = record.layer, record.kind
            tables.append(table_rows(record, seen.get(key, 0)))
            seen[key] = seen.get(key, 0) + len(record.gamma)
        return pd.concat(tables, ignore_index=True)

    def arrays(self) -> dict[tuple[str, str], Affine]:
        """Gamma and beta (N, C, G) of all clips, by layer and kind, in the order of the network.

        Raises: ValueError if nothing was recorded.
        """
        self.check()
        parts: dict[tuple[str, str], list[Recorded]] = {}
        for record in self.records:
            parts.setdefault((record.layer, record.kind), []).append(record)
        return {
            key: Affine(*(np.concatenate([getattr(each, name) for each in own]) for name in Affine._fields))
            for key, own in parts.items()
        }

    def check(self) -> None:
        """ValueError if nothing was recorded."""
        if not self.records:
            raise ValueError("nothing was recorded; run the network inside the with block")


def table_rows(record: Recorded, first_clip: int) -> pd.DataFrame:
    """One row per clip, channel and group of a record; its clips are counted from ``first_clip``."""
    clip, channel, group = (each.ravel() for each in np.indices(record.gamma.shape))
    numbered = BLOCK.search(record.layer)
    stage, block = (numbered[1], numbered[2]) if numbered else ("", "0")
    columns = {
        "clip": clip + first_clip,
        "layer": record.layer,
        "kind": record.kind,
        "stage": stage,
        "block": int(block),
        "group": group,
        "first_frame": record.edges[:-1][group],
        "last_frame": record.edges[1:][group] - 1,
        "channel": channel,
        "gamma": record.gamma.ravel(),
        "beta": record.beta.ravel(),
    }
    return pd.DataFrame(columns)


def frames_of(inputs: Iterable[Any], layers: Mapping[str, RelayNorm]) -> int:
    """Frames per clip: of the first clips (N, C, T, H, W) in the inputs; or as given to ``add_dnr``, for images.

    Raises: ValueError if neither is there.
    """
    tensors = [each for each in inputs if isinstance(each, Tensor)]
    given = [each.shape[2] for each in tensors if each.ndim == 5]
    given += [each.num_frames for each in layers.values() if isinstance(each, InjectedNorm) and each.num_frames]
    if not given:
        shapes = [tuple(each.shape) for each in tensors]
        raise ValueError(f"expected clips (N, C, T, H, W) as an input of the network, got {shapes}; pass such clips")
    return given[0]


@contextmanager
def record_dynamics(model: nn.Module) -> Iterator[Dynamics]:
    """Record gamma and beta of all DNR layers of ``model`` inside the ``with`` block.

        with record_dynamics(model) as dynamics:
            model(clips)
        table = dynamics.table()

    Raises: ValueError if the network has no DNR layer.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, RelayNorm)}
    if not layers:
        raise ValueError("expected a network with DNR, got one without; train or create one with dnr")
    dynamics = Dynamics()

    def begin(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        dynamics.num_frames = frames_of([*inputs, *named.values()], layers) // getattr(model, "frames_per_segment", 1)

    handles = [model.register_forward_pre_hook(begin, with_kwargs=True)]
    for name, norm in layers.items():

        def hook(_: nn.Module, inputs: tuple[Any, ...], name: str = name) -> None:
            dynamics.add(name, *inputs[3:])

        handles.append(norm.affine.register_forward_pre_hook(hook))
    try:
        yield dynamics
    finally:
        for handle in handles:
            handle.remove()
