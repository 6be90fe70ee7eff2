"""Stages of a 2D residual network, with or without DNR."""

from collections.abc import Callable

from torch import Tensor, nn

from dnrlab.models.blocks import BasicBlock, Bottleneck, Norms
from dnrlab.relay import ChannelInterlacing, CrossLayerNorm, CrossTemporalNorm, DNRConfig, LayerRelay, RelayCell

Block = type[BasicBlock] | type[Bottleneck]


class Stage(nn.Module):
    """Blocks of one width; they relay from zero, through the cell they share.

    Args:
        blocks: named 0, 1, … as in torchvision's ``nn.Sequential``.
        lstm: the cell of cross-layer DNR, None without it.

    Shape: images (N*T, C, H, W) and T in, images out.
    """

    def __init__(self, blocks: list[nn.Module], lstm: RelayCell | None = None) -> None:
        super().__init__()
        for index, block in enumerate(blocks):
            self.add_module(str(index), block)
        self.num_blocks = len(blocks)
        self.lstm = lstm

    def forward(self, x: Tensor, num_frames: int) -> Tensor:
        relay = None if self.lstm is None else LayerRelay(self.lstm)
        for index in range(self.num_blocks):
            x, relay = self.get_submodule(str(index))(x, num_frames, relay)
        return x


def make_stage(
    block: Block,
    in_channels: int,
    channels: int,
    num_blocks: int,
    *,
    stride: int,
    dnr: DNRConfig | None,
    temporal: Callable[[int], nn.Module | None],
) -> Stage:
    """A stage of ``num_blocks`` blocks of C = ``channels``; the first has the stride.

    ``temporal`` makes the module at the input of a block's residual branch from the block's index.
    """
    blocks: list[nn.Module] = []
    for index in range(num_blocks):
        blocks.append(
            block(
                in_channels if index == 0 else channels * block.expansion,
                channels,
                stride=stride if index == 0 else 1,
                norms=batch_norms(channels) if dnr is None else dnr_norms(channels, dnr),
                temporal=temporal(index),
            )
        )
    return Stage(blocks, None if dnr is None else RelayCell(channels, dnr.reduction))


def batch_norms(channels: int) -> Norms:
    """Plain batch norms."""
    return nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)


def dnr_norms(channels: int, dnr: DNRConfig) -> Norms:
    """The DNR pair: cross-layer on the first norm, cross-temporal on the second.

    The release has it in bottlenecks only. In a basic block the second norm stands just before the residual sum, where
    nothing rescales its gamma. It learns there, but more slowly than with both on the first norm
    (notebooks/results/basic_block.md); the published figures of this project are of the place here.
    """
    cross_temporal = CrossTemporalNorm(channels, relay_distance=dnr.relay_distance, reduction=dnr.reduction)
    return CrossLayerNorm(channels), cross_temporal


def interlacing_module(interlacing: bool) -> Callable[[int], nn.Module | None]:
    """Channel interlacing in every block, or nothing."""
    return lambda index: ChannelInterlacing() if interlacing else None
