"""What all DNR layers share: running statistics, and the output from statistics, gamma and beta.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dnrlab.relay.axes import by_clip, check_features
from dnrlab.relay.cell import RelayCell
from dnrlab.relay.config import PAPER, DNRConfig
from dnrlab.relay.functional import RelayState, check_counts, standardize_and_affine, updated_running_statistics
from dnrlab.relay.groups import clip_moments, group_moments
from dnrlab.relay.passes import Moments, frame_means, frame_moments

CHANNEL_GROUPS = 32  # of group standardization, as in group norm; fewer if a group would have less than two channels


class Frames(NamedTuple):
    """What is known of all frames of the features: means and variances (N, T, C)."""

    mean: Tensor
    variance: Tensor | None  # None where running statistics are used


class LayerRelay(NamedTuple):
    """What each block of a stage passes to the next: the shared cell and its state (None before the first block)."""

    lstm: RelayCell
    state: RelayState | None = None


class Relayed(NamedTuple):
    """Gamma and beta, each (N, G, C), from one source: ``cross_temporal`` (G groups) or ``cross_layer`` (G = 1)."""

    kind: str
    gamma: Tensor
    beta: Tensor


CountedMoments = tuple[Tensor, Tensor, Tensor]  # mean, biased variance, number of values, of each group


class GroupAffine(nn.Module):
    """``standardize_and_affine`` as a module without parameters, so that hooks can observe gamma and beta.

    The gammas of several sources are added, and so are their betas.
    """

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(
        self, x: Tensor, mean: Tensor, variance: Tensor, sources: Sequence[Relayed], lengths: Sequence[int]
    ) -> Tensor:
        return standardize_and_affine(x, mean, variance, *total(sources), lengths, self.eps)

    def extra_repr(self) -> str:
        return f"eps={self.eps}"


def total(sources: Sequence[Relayed]) -> tuple[Tensor, Tensor]:
    """The sums of the gammas and of the betas of several sources, each (N, G, C)."""
    gamma, beta = sources[0].gamma, sources[0].beta
    for other in sources[1:]:
        gamma, beta = gamma + other.gamma, beta + other.beta
    return gamma, beta


class RelayNorm(nn.Module):
    """Base of the DNR layers: batch statistics of frame groups in training, running statistics in evaluation.

    A subclass takes features and the relay of their stage, and returns both. Features are clips (N, C, T, H, W), or
    images (N*T, C, H, W) together with T. It learns no affine pair.
    With standardization group, instance or layer, each clip is standardized by its own statistics, in training and
    evaluation, and there are no running statistics.

    Args:
        channels: C.
        config: the settings of DNR; each layer uses some of them.
        eps: added to the variance, in squared units of x.
        momentum: weight of the newest group in the running statistics.

    Raises: ValueError if group standardization cannot divide the channels equally.
    """

    running_mean: Tensor
    running_var: Tensor
    synchronize: Callable[[Tensor, Tensor, Tensor], CountedMoments] | None = None  # set by synchronize_statistics

    def __init__(self, channels: int, config: DNRConfig = PAPER, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.channels, self.config, self.momentum = channels, config, momentum
        if config.standardization == "group" and channels % channel_groups("group", channels):
            raise ValueError(
                f"expected channels to be a multiple of the {CHANNEL_GROUPS} channel groups, got {channels}; "
                "choose another width, or standardization instance or layer"
            )
        if config.standardization == "batch":
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
        self.affine = GroupAffine(eps)

    def frames(self, x: Tensor, num_frames: int | None) -> Frames:
        """Mean and variance, each (N, T, C), of all frames of ``x``; no variances where running statistics are used.

        Raises: ValueError if x does not hold clips, or has other channels than the layer.
        """
        check_features(x, num_frames, channels=self.channels)
        if self.config.standardization == "batch" and not self.training:
            return Frames(by_clip(frame_means(x), num_frames), None)
        mean, variance = frame_moments(x)
        return Frames(by_clip(mean, num_frames), by_clip(variance, num_frames))

    def statistics(self, frames: Frames, lengths: Sequence[int], pixels: int) -> tuple[Tensor, Tensor]:
        """Mean and biased variance to standardize with, each (1 or N, G or 1, C). Training updates the running ones.

        Args:
            frames: from ``frames``.
            lengths: frames of each group.
            pixels: values per frame and channel.
        """
        if frames.variance is None:
            return self.running_mean, self.running_var
        if self.config.statistics == "clip":
            lengths = [sum(lengths)]
        moments = Moments(frames.mean, frames.variance)
        if self.config.standardization != "batch":
            parts = channel_groups(self.config.standardization, self.channels)
            return clip_moments(moments, lengths, parts, pixels)
        mean, variance = group_moments(moments, lengths)
        values = [length * len(frames.mean) * pixels for length in lengths]
        counts: Sequence[int] | Tensor = values
        if self.synchronize is None:
            check_counts(values)
        else:
            mean, variance, counts = self.synchronize(mean, variance, counts_like(mean, values))
        with torch.no_grad():
            running = (self.running_mean, self.running_var)
            updated = updated_running_statistics(running, mean, variance, counts, self.momentum)
            for old, new in zip(running, updated, strict=True):
                old.copy_(new)
        return mean, variance

    def standardized(self, x: Tensor, frames: Frames, sources: Sequence[Relayed], lengths: Sequence[int]) -> Tensor:
        """``x``, standardized group by group, then scaled and shifted by the sum of the sources."""
        y: Tensor = self.affine(x, *self.statistics(frames, lengths, x.shape[-2] * x.shape[-1]), sources, lengths)
        return y

    def forward(
        self, x: Tensor, relay: LayerRelay | None, num_frames: int | None = None
    ) -> tuple[Tensor, LayerRelay | None]:
        raise NotImplementedError(f"{type(self).__name__} must define forward: where gamma and beta come from")

    def extra_repr(self) -> str:
        return f"{self.channels}, config={self.config}, eps={self.affine.eps}, momentum={self.momentum}"


def counts_like(mean: Tensor, values: Sequence[int]) -> Tensor:
    """Numbers of values as a tensor (G, 1) on the device of ``mean``. It is filled there: a copy would stall a GPU."""
    return torch.stack([mean.new_full((1,), value) for value in values])


def channel_groups(standardization: str, channels: int) -> int:
    """Number of channel groups that share statistics with ``group``, ``instance`` or ``layer`` standardization."""
    return {"group": min(CHANNEL_GROUPS, max(channels // 2, 1)), "instance": channels, "layer": 1}[standardization]


def apply_norm(
    norm: nn.Module, x: Tensor, num_frames: int | None, relay: LayerRelay | None
) -> tuple[Tensor, LayerRelay | None]:
    """Apply any normalization layer to images (N*T, C, H, W) of ``num_frames`` per clip, or to clips (N, C, T, H, W).

    ``num_frames`` is None for clips.
    """
    if not isinstance(norm, RelayNorm):
        return norm(x), relay
    y, relay = norm(x, relay, num_frames)
    return y, relay
