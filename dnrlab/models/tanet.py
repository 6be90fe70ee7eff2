"""Temporal adaptive network: TSN whose blocks weight and mix frames by kernels computed from the clip.

Source: Liu et al., "TAM: temporal adaptive module for video recognition", ICCV 2021.
Axes: N clips, T frames, C channels.
"""

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from dnrlab.models.blocks import Temporal
from dnrlab.models.stages import BlockPosition, TemporalAt
from dnrlab.relay.axes import merge_time, split_time

KERNEL = 3  # frames
EXPANSION = 2  # the global branch has 2 T hidden units
REDUCTION = 4  # the local branch has C / 4 channels


class TemporalAdaptiveModule(nn.Module):
    """A temporal kernel for every clip and channel, on features weighted per frame.

        s = mean of x over space, (N, C, T)
        kernel = softmax(Linear(ReLU(BN(Linear(s)))));    weight = sigmoid(Conv(ReLU(BN(Conv(s)))))
        y_t = sum over k = -1, 0, 1 of kernel_k * (weight * x)_{t+k},    zeros past the ends

    The linear layers run along T, so T is fixed. The convolutions run along T, over all channels.

    Args:
        channels: C.
        num_frames: T.
        name: of the layer in its network, for the error.

    Shape: images (N*T, C, H, W) and T in, images out.

    Raises: ValueError if the clips have another T.
    """

    def __init__(self, channels: int, num_frames: int, name: str = "") -> None:
        super().__init__()
        self.channels, self.num_frames, self.name = channels, num_frames, name
        self.kernel = nn.Sequential(
            nn.Linear(num_frames, EXPANSION * num_frames, bias=False),
            nn.BatchNorm1d(EXPANSION * num_frames),
            nn.ReLU(inplace=True),
            nn.Linear(EXPANSION * num_frames, KERNEL, bias=False),
            nn.Softmax(dim=1),
        )
        inner = max(channels // REDUCTION, 1)
        self.weight = nn.Sequential(
            nn.Conv1d(channels, inner, KERNEL, padding=KERNEL // 2, bias=False),
            nn.BatchNorm1d(inner),
            nn.ReLU(inplace=True),
            nn.Conv1d(inner, channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, images: Tensor, num_frames: int) -> Tensor:
        if num_frames != self.num_frames:
            raise ValueError(
                f"expected clips of T={self.num_frames} frames in {self.name or 'this module'}, got {num_frames}; "
                "pass such clips, or create and train a TANet with another num_frames"
            )
        clips = split_time(images, num_frames)
        pooled = clips.mean(dim=(3, 4))  # (N, C, T)
        kernel = self.kernel(rearrange(pooled, "n c t -> (n c) t"))  # (N*C, 3)
        weighted = clips * self.weight(pooled)[..., None, None]
        return merge_time(convolve_frames(weighted, kernel))

    def extra_repr(self) -> str:
        return f"{self.channels}, {self.num_frames}, name={self.name!r}"


def convolve_frames(clips: Tensor, kernel: Tensor) -> Tensor:
    """Convolve clips (N, C, T, H, W) along T, each channel of each clip with its own kernel (N*C, K), zero-padded."""
    batch, channels, frames, height, width = clips.shape
    rows = clips.reshape(1, batch * channels, frames, height * width)
    out = F.conv2d(rows, kernel[:, None, :, None], padding=(kernel.shape[1] // 2, 0), groups=batch * channels)
    return out.view(batch, channels, frames, height, width)


def adaptive(num_frames: int, *, interlacing: TemporalAt) -> TemporalAt:
    """The module after the first norm and ReLU of every block, for clips of ``num_frames``; and interlacing, if any."""

    def at(position: BlockPosition) -> Temporal:
        name = f"layer{position.stage}.{position.block}.inside"
        return Temporal(interlacing(position).interlaced, TemporalAdaptiveModule(position.channels, num_frames, name))

    return at
