"""Residual blocks of 3D networks that pass the relay from block to block. Parameter names are torchvision's.

Sources: Tran et al., "A closer look at spatiotemporal convolutions", CVPR 2018 (r3d, mc3, r2plus1d); Feichtenhofer et
al., "SlowFast networks", ICCV 2019 (the slow pathway).
"""

from torch import Tensor, nn

from dnrlab.models.blocks import Norms
from dnrlab.relay.interlacing import InterlacedConv3d
from dnrlab.relay.norm import LayerRelay, apply_norm

KINDS = ("full", "space", "separate")  # convolutions over 3 x 3 x 3; over 1 x 3 x 3; over 1 x 3 x 3, then 3 x 1 x 1


def convolution(
    kind: str, in_channels: int, channels: int, middle: int, stride: int, *, interlaced: bool = False
) -> nn.Module:
    """A convolution of one of the ``KINDS``. ``stride`` is of space, and of time too except for ``space``.

    Args:
        middle: channels between the two convolutions of ``separate``.
        interlaced: whether the channels of the input are interlaced.
    """
    if kind == "full":
        whole = InterlacedConv3d if interlaced else nn.Conv3d
        return whole(in_channels, channels, 3, stride=stride, padding=1, bias=False)
    if kind == "space":
        return over_space(in_channels, channels, stride, interlaced=interlaced)
    return nn.Sequential(
        over_space(in_channels, middle, stride, interlaced=interlaced),
        nn.BatchNorm3d(middle),
        nn.ReLU(inplace=True),
        nn.Conv3d(middle, channels, (3, 1, 1), stride=(stride, 1, 1), padding=(1, 0, 0), bias=False),
    )


def middle_channels(in_channels: int, channels: int) -> int:
    """Channels between the two convolutions of ``separate``, which then has about as many weights as ``full``."""
    return in_channels * channels * 27 // (in_channels * 9 + 3 * channels)


def over_space(in_channels: int, channels: int, stride: int, *, interlaced: bool = False) -> nn.Conv3d:
    """A convolution over 1 x 3 x 3."""
    kind = InterlacedConv3d if interlaced else nn.Conv3d
    return kind(in_channels, channels, (1, 3, 3), stride=(1, stride, stride), padding=(0, 1, 1), bias=False)


def shortcut3d(in_channels: int, out_channels: int, stride: tuple[int, int, int]) -> nn.Sequential | None:
    """A strided 1 x 1 x 1 convolution and batch norm if the shape changes, else None."""
    if stride == (1, 1, 1) and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv3d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm3d(out_channels)
    )


class BasicBlock3D(nn.Module):
    """conv - norm1 - ReLU - conv - norm2, added to the shortcut; then ReLU.

    Args:
        in_channels: of the input.
        channels: C of the convolutions and the output.
        kind: of the convolutions.
        stride: of the first convolution and the shortcut; over time too, except for the kind ``space``.
        norms: after the two convolutions, each over C channels.
        interlaced: whether the first convolution interlaces the channels of its input.

    Shape:
        - x: clips (N, in_channels, T, H, W), and None, as clips hold their T
        - returns: (N, C, T', H', W'), and the relay for the next block
    """

    expansion = 1

    def __init__(
        self, in_channels: int, channels: int, *, kind: str, stride: int, norms: Norms, interlaced: bool
    ) -> None:
        super().__init__()
        self.in_channels, self.channels, self.kind, self.stride = in_channels, channels, kind, stride
        self.interlaced = interlaced
        middle = middle_channels(in_channels, channels)
        first = convolution(kind, in_channels, channels, middle, stride, interlaced=interlaced)
        second = convolution(kind, channels, channels, middle, 1)
        self.conv1 = nn.Sequential(first, norms[0], nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(second, norms[1])
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut3d(in_channels, channels, (1 if kind == "space" else stride, stride, stride))

    def forward(self, x: Tensor, num_frames: None, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay | None]:
        out, relay = apply_norm(self.conv1[1], self.conv1[0](x), None, relay)
        out, relay = apply_norm(self.conv2[1], self.conv2[0](self.conv1[2](out)), None, relay)
        return self.relu(out + (x if self.downsample is None else self.downsample(x))), relay

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.channels}, kind={self.kind!r}, stride={self.stride}"


class Bottleneck3D(nn.Module):
    """conv k x 1 x 1 - norm1 - ReLU - conv 1 x 3 x 3 - norm2 - ReLU - conv 1 - batch norm, added to the shortcut; ReLU.

    Args:
        frames: k, the frames that the first convolution covers: 3 or 1.
        stride: of the second convolution and the shortcut, over space.
        in_channels, channels, norms, interlaced: see ``BasicBlock3D``; the output has 4 C channels.

    Shape:
        - x: clips (N, in_channels, T, H, W), and None, as clips hold their T
        - returns: (N, 4 C, T, H', W'), and the relay for the next block
    """

    expansion = 4

    def __init__(
        self, in_channels: int, channels: int, *, frames: int, stride: int, norms: Norms, interlaced: bool
    ) -> None:
        super().__init__()
        self.in_channels, self.channels, self.frames, self.stride = in_channels, channels, frames, stride
        self.interlaced = interlaced
        kind = InterlacedConv3d if interlaced else nn.Conv3d
        self.conv1 = kind(in_channels, channels, (frames, 1, 1), padding=(frames // 2, 0, 0), bias=False)
        self.bn1 = norms[0]
        self.conv2 = over_space(channels, channels, stride)
        self.bn2 = norms[1]
        self.conv3 = nn.Conv3d(channels, channels * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut3d(in_channels, channels * self.expansion, (1, stride, stride))

    def forward(self, x: Tensor, num_frames: None, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay | None]:
        out, relay = apply_norm(self.bn1, self.conv1(x), None, relay)
        out, relay = apply_norm(self.bn2, self.conv2(self.relu(out)), None, relay)
        out = self.bn3(self.conv3(self.relu(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x))), relay

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.channels}, frames={self.frames}, stride={self.stride}"
