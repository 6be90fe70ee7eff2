"""The configuration of a network, and the network that it describes."""

from dataclasses import dataclass
from typing import Annotated

import tyro
from torch import nn

from dnrlab.models import create_model
from dnrlab.models.create import shifts_already
from dnrlab.relay import DNRConfig


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The configuration of a network; see ``dnrlab.create_model``."""

    # a name of dnrlab.model_names, such as tsm_resnet18; or package.module:function
    name: Annotated[str, tyro.conf.arg(name="model")] = "tsn_resnet50"
    dnr: DNRConfig | None = None  # settings of DNR; None is a plain network
    norm: str = "batch"  # norm of a plain network: batch; or group, instance, layer (statistics of each image)
    interlacing: bool | None = None  # mix channels of neighbouring frames; None: with DNR only, as in the paper
    width: int = 64  # channels of the stem; the published networks have 64
    dropout: float = 0.5  # probability before the classifier
    temporal_pool: bool = False  # halve the frames before layer2 (TSM only)

    @property
    def is_interlaced(self) -> bool:
        """Whether channels are interlaced; never in a network with a shift of its own."""
        chosen = self.dnr is not None if self.interlacing is None else self.interlacing
        return chosen and not shifts_already(self.name)


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
