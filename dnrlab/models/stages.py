"""Stages of a 2D residual network, with or without DNR."""

from collections.abc import Callable

from torch import Tensor, nn

from dnrlab.models.blocks import BasicBlock, Bottleneck, Norms
from dnrlab.relay import (
    ChannelInterlacing,
    CrossLayerNorm,
    CrossLayerTemporalNorm,
    CrossTemporalNorm,
    DNRConfig,
    LayerRelay,
    RelayCell,
)

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
                norms=batch_norms(channels) if dnr is None else dnr_norms(block, channels, dnr),
                temporal=temporal(index),
            )
        )
    return Stage(blocks, None if dnr is None else RelayCell(channels, dnr.reduction))


def batch_norms(channels: int) -> Norms:
    """Plain batch norms."""
    return nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)


def dnr_norms(block: Block, channels: int, dnr: DNRConfig) -> Norms:
    """The DNR pair of a block, as the release has it in bottlenecks: cross-layer first, cross-temporal second.

    A basic block takes both on its first norm, which learns faster (notebooks/results/basic_block.md): its second norm
    stands just before the residual sum, where nothing would rescale gamma.
    """
    relay_distance, reduction = dnr.relay_distance, dnr.reduction
    if block is BasicBlock:
        both = CrossLayerTemporalNorm(channels, relay_distance=relay_distance, reduction=reduction)
        return both, nn.BatchNorm2d(channels)
    return CrossLayerNorm(channels), CrossTemporalNorm(channels, relay_distance=relay_distance, reduction=reduction)


def interlacing_module(interlacing: bool) -> Callable[[int], nn.Module | None]:
    """Channel interlacing in every block, or nothing."""
    return lambda index: ChannelInterlacing() if interlacing else None
