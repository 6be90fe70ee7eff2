"""Residual blocks of 2D networks that pass the relay from block to block.

A block takes its norms and its temporal modules as arguments and names no class of them. Parameter names are
torchvision's. As in torchvision, the 3x3 convolution has the stride.
Source: He et al., "Deep residual learning for image recognition", CVPR 2016.
"""

from typing import NamedTuple

from torch import Tensor, nn

from dnrlab.relay.interlacing import InterlacedConv2d
from dnrlab.relay.norm import LayerRelay, apply_norm

Norms = tuple[nn.Module, nn.Module]  # after the first and the second convolution of a block


class Temporal(NamedTuple):
    """What a block does along time."""

    interlaced: bool = False  # whether the first convolution interlaces the channels of its input
    inside: nn.Module | None = None  # after the first norm and ReLU, called with images (N*T, C, H, W) and T


def conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, *, bias: bool = False, interlaced: bool = False
) -> nn.Conv2d:
    """A convolution that keeps the size at stride 1."""
    kind = InterlacedConv2d if interlaced else nn.Conv2d
    return kind(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=bias)


class Bottleneck(nn.Module):
    """conv 1x1 - norm1 - ReLU - conv 3x3 - norm2 - ReLU - conv 1x1 - batch norm, added to the shortcut; then ReLU.

    Args:
        in_channels: of the input.
        channels: C of the inner convolutions; the output has 4 C.
        stride: of the 3x3 convolution and the shortcut.
        norms: after the first two convolutions, each over C channels.
        temporal: interlacing of the first convolution, and the module after the first norm and ReLU.
        bias: whether the convolutions have biases.

    Shape:
        - x: images (N*T, in_channels, H, W), and T
        - returns: (N*T, 4 C, H / stride, W / stride), and the relay for the next block
    """

    expansion = 4

    def __init__(
        self, in_channels: int, channels: int, *, stride: int, norms: Norms, temporal: Temporal, bias: bool = False
    ) -> None:
        super().__init__()
        self.in_channels, self.channels, self.stride, self.bias = in_channels, channels, stride, bias
        self.interlaced, self.inside = temporal
        self.conv1 = conv(in_channels, channels, 1, bias=bias, interlaced=temporal.interlaced)
        self.bn1 = norms[0]
        self.conv2 = conv(channels, channels, 3, stride, bias=bias)
        self.bn2 = norms[1]
        self.conv3 = conv(channels, channels * self.expansion, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(in_channels, channels * self.expansion, stride, bias=bias)

    def forward(self, x: Tensor, num_frames: int, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay | None]:
        out = self.conv1(x, num_frames) if self.interlaced else self.conv1(x)
        out, relay = apply_norm(self.bn1, out, num_frames, relay)
        out = self.relu(out)
        out = out if self.inside is None else self.inside(out, num_frames)
        out, relay = apply_norm(self.bn2, self.conv2(out), num_frames, relay)
        out = self.bn3(self.conv3(self.relu(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x))), relay

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.channels}, stride={self.stride}, bias={self.bias}"


class BasicBlock(nn.Module):
    """conv 3x3 - norm1 - ReLU - conv 3x3 - norm2, added to the shortcut; then ReLU.

    Args: see ``Bottleneck``; the output has C channels.

    Shape:
        - x: images (N*T, in_channels, H, W), and T
        - returns: (N*T, C, H / stride, W / stride), and the relay for the next block
    """

    expansion = 1

    def __init__(
        self, in_channels: int, channels: int, *, stride: int, norms: Norms, temporal: Temporal, bias: bool = False
    ) -> None:
        super().__init__()
        self.in_channels, self.channels, self.stride, self.bias = in_channels, channels, stride, bias
        self.interlaced, self.inside = temporal
        self.conv1 = conv(in_channels, channels, 3, stride, bias=bias, interlaced=temporal.interlaced)
        self.bn1 = norms[0]
        self.conv2 = conv(channels, channels, 3, bias=bias)
        self.bn2 = norms[1]
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(in_channels, channels, stride, bias=bias)

    def forward(self, x: Tensor, num_frames: int, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay | None]:
        out = self.conv1(x, num_frames) if self.interlaced else self.conv1(x)
        out, relay = apply_norm(self.bn1, out, num_frames, relay)
        out = self.relu(out)
        out = out if self.inside is None else self.inside(out, num_frames)
        out, relay = apply_norm(self.bn2, self.conv2(out), num_frames, relay)
        return self.relu(out + (x if self.downsample is None else self.downsample(x))), relay

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.channels}, stride={self.stride}, bias={self.bias}"


def shortcut(in_channels: int, out_channels: int, stride: int, *, bias: bool) -> nn.Sequential | None:
    """A strided 1x1 convolution and batch norm if the shape changes, else None."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv(in_channels, out_channels, 1, stride, bias=bias), nn.BatchNorm2d(out_channels))
