"""Recording of the affine parameters that DNR generates."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from dnrlab.relay import RelayNorm
from dnrlab.relay.norm import Relayed


class Dynamics:
    """Gamma and beta of every forward pass since the recording began."""

    def __init__(self) -> None:
        self.tables: list[pd.DataFrame] = []
        self.clips: dict[str, int] = {}  # seen so far, by layer
        self.num_frames = 0  # T of the forward pass that runs; a layer may see fewer, after pooling over time

    def add(self, layer: str, sources: Sequence[Relayed], lengths: Sequence[int]) -> None:
        """Keep what one forward pass of a layer received, for groups of ``lengths`` frames."""
        for source in sources:
            self.tables.append(self.rows(layer, source, lengths if source.gamma.shape[2] > 1 else [sum(lengths)]))
        self.clips[layer] = self.clips.get(layer, 0) + len(sources[0].gamma)

    def rows(self, layer: str, source: Relayed, lengths: Sequence[int]) -> pd.DataFrame:
        """A row a clip, channel and group of ``lengths`` frames."""
        num_clips, num_channels, num_groups = source.gamma.shape
        clip, channel, group = (each.ravel() for each in np.indices((num_clips, num_channels, num_groups)))
        edges = np.rint(np.cumsum([0, *lengths]) * (self.num_frames / sum(lengths))).astype(int)
        stage, block = layer.split(".")[-3:-1] if layer.count(".") > 1 else ("", "0")
        columns = {
            "clip": clip + self.clips.get(layer, 0),
            "layer": layer,
            "kind": source.kind,
            "stage": stage,
            "block": int(block) if block.isdigit() else block,
            "group": group,
            "first_frame": edges[:-1][group],
            "last_frame": edges[1:][group] - 1,
            "channel": channel,
            "gamma": source.gamma.detach().float().cpu().numpy().ravel(),
            "beta": source.beta.detach().float().cpu().numpy().ravel(),
        }
        return pd.DataFrame(columns)

    def table(self) -> pd.DataFrame:
        """Tidy: clip, layer, kind, stage, block, group, first_frame, last_frame, channel, gamma, beta.

        Frames are those of the clip (segments, of TDN), also where the network pools over time.
        ``kind`` is cross_temporal (a row a frame group) or cross_layer (group 0, the whole clip; the relay runs over
        ``block``). A layer of both kinds applies their sum. Clips count on over the forward passes.

        Raises: ValueError if nothing was recorded.
        """
        if not self.tables:
            raise ValueError("nothing was recorded; run the network inside the with block")
        return pd.concat(self.tables, ignore_index=True)


@contextmanager
def record_dynamics(model: nn.Module) -> Iterator[Dynamics]:
    """Record gamma and beta of all DNR layers of ``model`` while the block runs.

        with record_dynamics(model) as dynamics:
            model(clips)
        table = dynamics.table()

    Raises: ValueError if the network has no DNR layer.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, RelayNorm)}
    if not layers:
        raise ValueError("expected a network with DNR, got one without; train or create one with dnr")
    dynamics = Dynamics()

    def begin(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        dynamics.num_frames = inputs[0].shape[2] // getattr(model, "frames_per_segment", 1)

    handles = [model.register_forward_pre_hook(begin)]
    for name, norm in layers.items():

        def hook(_: nn.Module, inputs: tuple[Any, ...], name: str = name) -> None:
            dynamics.add(name, *inputs[3:])

        handles.append(norm.affine.register_forward_pre_hook(hook))
    try:
        yield dynamics
    finally:
        for handle in handles:
            handle.remove()
