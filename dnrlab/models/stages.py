"""Stages of a residual network, with or without DNR."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from dnrlab.models.blocks import BasicBlock, Bottleneck, Norms, Temporal
from dnrlab.relay import (
    CrossLayerNorm,
    CrossLayerTemporalNorm,
    CrossTemporalNorm,
    DNRConfig,
    LayerRelay,
    RelayCell,
)

Block = type[BasicBlock] | type[Bottleneck]


class Stage(nn.Module):
    """Blocks of one width. The relay starts from zero and runs through a cell that the blocks share.

    Args:
        blocks: named 0, 1, … as in torchvision's ``nn.Sequential``.
        lstm: the cell of cross-layer DNR; None without it.

    Shape: images (N*T, C, H, W) and T, or clips (N, C, T, H, W) and None, in; images or clips out.
    """

    def __init__(self, blocks: Sequence[nn.Module], lstm: RelayCell | None = None) -> None:
        super().__init__()
        for index, block in enumerate(blocks):
            self.add_module(str(index), block)
        self.num_blocks = len(blocks)
        self.lstm = lstm

    def forward(self, x: Tensor, num_frames: int | None) -> Tensor:
        relay = None if self.lstm is None else LayerRelay(self.lstm)
        for index in range(self.num_blocks):
            x, relay = self.get_submodule(str(index))(x, num_frames, relay)
        return x

    def extra_repr(self) -> str:
        return f"num_blocks={self.num_blocks}"


class BlockPosition(NamedTuple):
    """The position of a block in a network."""

    stage: int  # 1 to 4
    block: int  # from 0
    channels: int  # C, after the block's first convolution


TemporalAt = Callable[[BlockPosition], Temporal]  # gives the temporal modules of the block at a position


def make_stages(
    block: Block,
    depths: Sequence[int],
    width: int,
    *,
    dnr: DNRConfig | None,
    temporal: TemporalAt,
    bias: bool = False,
) -> list[Stage]:
    """The four stages of a ResNet. The first has C = ``width`` and stride 1; later ones double C and have stride 2."""
    stages, in_channels = [], width
    for index, depth in enumerate(depths):
        channels = width * 2**index
        blocks: list[nn.Module] = []
        for block_index in range(depth):
            stride = 2 if index > 0 and block_index == 0 else 1
            norms = batch_norms(channels) if dnr is None else dnr_norms(channels, dnr, bottleneck=block is Bottleneck)
            modules = temporal(BlockPosition(index + 1, block_index, channels))
            blocks.append(block(in_channels, channels, stride=stride, norms=norms, temporal=modules, bias=bias))
            in_channels = channels * block.expansion
        if dnr is None or dnr.where == "temporal":
            stages.append(Stage(blocks))
        else:
            stages.append(Stage(blocks, RelayCell(channels, dnr.reduction, dnr.depth)))
    return stages


def batch_norms(channels: int) -> Norms:
    """Plain batch norms."""
    return nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)


def dnr_norms(
    channels: int, dnr: DNRConfig, *, bottleneck: bool, batch_norm: type[nn.Module] = nn.BatchNorm2d
) -> Norms:
    """The DNR pair of a block: in a bottleneck cross-layer first, cross-temporal second, as released.

    A basic block has both on its first norm: a choice of this project. Its second norm comes just before the residual
    sum, where nothing rescales gamma.
    """
    temporal, layer = dnr.where in ("both", "temporal"), dnr.where in ("both", "layer")
    if bottleneck:
        first = CrossLayerNorm(channels, dnr) if layer else batch_norm(channels)
        return first, CrossTemporalNorm(channels, dnr) if temporal else batch_norm(channels)
    both = CrossLayerTemporalNorm if temporal and layer else CrossTemporalNorm if temporal else CrossLayerNorm
    return both(channels, dnr), batch_norm(channels)


def no_temporal(position: BlockPosition) -> Temporal:
    """No temporal module anywhere."""
    return Temporal()


def interlaced(position: BlockPosition) -> Temporal:
    """Channel interlacing at the input of every block."""
    return Temporal(interlaced=True)
