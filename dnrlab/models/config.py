"""Which network, as a value, and the network that it describes."""

from dataclasses import dataclass
from typing import Annotated

import tyro
from torch import nn

from dnrlab.models import create_model
from dnrlab.relay import DNRConfig


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network; see ``dnrlab.create_model``."""

    name: Annotated[str, tyro.conf.arg(name="model")] = "tsn_resnet50"  # see dnrlab.model_names()
    dnr: DNRConfig | None = None  # None: a plain network
    norm: str = "batch"  # of a plain network: batch; group, instance or layer, by the statistics of each image
    interlacing: bool | None = None  # channels from the frames before and after; None: with DNR only, as in the paper
    width: int = 64  # channels of the stem
    dropout: float = 0.5  # probability before the classifier
    temporal_pool: bool = False  # of TSM only: halves the frames before layer2


def build_model(config: ModelConfig, *, num_classes: int, num_frames: int) -> nn.Module:
    """The network of a configuration, with random weights."""
    return create_model(
        config.name,
        num_classes=num_classes,
        num_frames=num_frames,
        dnr=config.dnr,
        norm=config.norm,
        width=config.width,
        interlacing=config.interlacing,
        dropout=config.dropout,
        temporal_pool=config.temporal_pool,
    )
