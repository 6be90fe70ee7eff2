"""The parts of TDN: a stem for frame differences; motion excitation and a learned shift between segments.

Source: Wang et al., "TDN: temporal difference networks for efficient action recognition", CVPR 2021.
Axes: N clips, T segments, B = N*T, C channels; c = C/16.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.functional import NUM_PARTS

REDUCTION = 16
FRAMES = 5  # per segment; the middle one is the main frame


class DifferenceStem(nn.Module):
    """The stem of the short-term part, on the differences between the five frames of a segment.

        D1 = maxpool(ReLU(BN(conv7x7(avgpool2x2(x2 - x1, x3 - x2, x4 - x3, x5 - x4)))))

    Args:
        channels: of the output.

    Shape: segments (B, 5, 3, H, W) in, (B, channels, H / 8, W / 8) out; the first halving rounds down, the others up.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.avgpool = nn.AvgPool2d(2)
        self.conv = nn.Conv2d(3 * (FRAMES - 1), channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    def forward(self, segments: Tensor) -> Tensor:
        differences = (segments[:, 1:] - segments[:, :-1]).flatten(1, 2)  # (B, 12, H, W)
        pooled: Tensor = self.maxpool(self.relu(self.bn(self.conv(self.avgpool(differences)))))
        return pooled

    def extra_repr(self) -> str:
        return f"{self.channels}"

    def initialize_from(self, stem: nn.Conv2d) -> None:
        """Start from the mean of ``stem``'s weights over the three colours, for every channel of the differences."""
        with torch.no_grad():
            self.conv.weight.copy_(stem.weight.mean(dim=1, keepdim=True).expand_as(self.conv.weight))


class LongTermModule(nn.Module):
    """Motion excitation, then a depthwise convolution over three frames that starts as TSM's shift.

    Args:
        channels: C.

    Shape: images (N*T, C, H, W) and T in, images out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.excitation = MotionExcitation(channels)
        self.shift = nn.Conv1d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.initialize_as_shift()

    def forward(self, images: Tensor, num_frames: int) -> Tensor:
        clips = split_time(self.excitation(images, num_frames), num_frames)
        rows = self.shift(rearrange(clips, "n c t h w -> (n h w) c t"))
        return merge_time(rearrange(rows, "(n h w) c t -> n c t h w", h=clips.shape[3], w=clips.shape[4])).contiguous()

    def extra_repr(self) -> str:
        return f"{self.channels}"

    def initialize_as_shift(self) -> None:
        """An eighth of the channels comes from the next frame, an eighth from the previous frame; the rest stays."""
        channels = self.shift.weight.shape[0]
        part = channels // NUM_PARTS
        with torch.no_grad():
            self.shift.weight.zero_()
            self.shift.weight[:part, 0, 2] = 1
            self.shift.weight[part : 2 * part, 0, 0] = 1
            self.shift.weight[2 * part :, 0, 1] = 1


class MotionExcitation(nn.Module):
    """Scale channels up or down by the change between neighbouring segments (mSE).

        z = BN(conv1x1(x)),  q = depthwise conv3x3(z),  f_t = q_{t+1} - z_t,  g_t = q_{t-1} - z_t  (0 past the ends)
        e(d) = sigmoid(BN(conv1x1((d + up(BN(conv3x3(avgpool(d)))) + BN(conv3x3(d))) / 3))) - 0.5,  weights shared
        y = x + x * (e(f) + e(g)) / 2

    Args:
        channels: C.

    Shape: images (N*T, C, H, W) and T in, images out.

    Differs from the source: a map of one row or one column is not pooled along it; the source cannot pool it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        inner = max(channels // REDUCTION, 1)
        self.squeeze = nn.Sequential(nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner))
        self.neighbour = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.at_half = nn.Sequential(nn.Conv2d(inner, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner))
        self.at_full = nn.Sequential(nn.Conv2d(inner, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner))
        self.expand = nn.Sequential(nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, images: Tensor, num_frames: int) -> Tensor:
        squeezed = self.squeeze(images)
        still = split_time(squeezed, num_frames)  # (N, c, T, H, W)
        moved = split_time(self.neighbour(squeezed), num_frames)
        ahead = F.pad(moved[:, :, 1:] - still[:, :, :-1], (0, 0, 0, 0, 0, 1))
        behind = F.pad(moved[:, :, :-1] - still[:, :, 1:], (0, 0, 0, 0, 1, 0))
        excited = self.excite(merge_time(ahead))  # this order: both update the same norms
        excited = excited + self.excite(merge_time(behind))
        return images + images * excited / 2

    def extra_repr(self) -> str:
        return f"{self.channels}"

    def excite(self, difference: Tensor) -> Tensor:
        """Weights in (-0.5, 0.5), (N*T, C, H, W), from differences (N*T, c, H, W)."""
        size = difference.shape[2:]
        pooled = F.avg_pool2d(difference, (min(2, size[0]), min(2, size[1])))
        half = F.interpolate(self.at_half(pooled), size)
        return torch.sigmoid(self.expand((difference + half + self.at_full(difference)) / 3)) - 0.5
