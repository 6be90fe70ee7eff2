"""What all DNR layers share: running statistics, and the output from statistics, gamma and beta.

Source: Cai, Yao and Chen, NeurIPS 2021, Sec. 3.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.cell import RelayCell
from dnrlab.relay.config import PAPER, DNRConfig
from dnrlab.relay.functional import RelayState, check_counts, standardize_and_affine, updated_running_statistics
from dnrlab.relay.groups import clip_moments, group_means, group_variances

CHANNEL_GROUPS = 32  # of group standardization, as in group norm; fewer if a group would have less than two channels


class LayerRelay(NamedTuple):
    """What each block of a stage passes to the next: the shared cell and its state (None before the first block)."""

    lstm: RelayCell
    state: RelayState | None = None


class Relayed(NamedTuple):
    """Gamma and beta, each (N, C, G), from one source: ``cross_temporal`` (G groups) or ``cross_layer`` (G = 1)."""

    kind: str
    gamma: Tensor
    beta: Tensor


Moments = tuple[Tensor, Tensor, Tensor]  # mean, biased variance, number of values, of each group


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
        gamma, beta = sources[0].gamma, sources[0].beta
        for other in sources[1:]:
            gamma, beta = gamma + other.gamma, beta + other.beta
        return standardize_and_affine(x, mean, variance, gamma, beta, lengths, self.eps)

    def extra_repr(self) -> str:
        return f"eps={self.eps}"


class RelayNorm(nn.Module):
    """Base of the DNR layers: batch statistics of frame groups in training, running statistics in evaluation.

    A subclass takes clips (N, C, T, H, W) and the relay of their stage, and returns both. It learns no affine pair.
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
    moments_of_all: Callable[[Tensor, Tensor, Tensor], Moments] | None = None  # set by synchronize_statistics

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

    def statistics(self, x: Tensor, pooled: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Mean and biased variance to standardize with, each (1 or N, C, G or 1). Training updates the running ones.

        ``pooled`` (N, C, G) holds the means of the groups of each clip of ``x`` (N, C, T, H, W).
        """
        if self.config.statistics == "clip" and len(lengths) > 1:
            lengths = [sum(lengths)]
            pooled = group_means(x, lengths)
        if self.config.standardization != "batch":
            return clip_moments(x, lengths, channel_groups(self.config.standardization, self.channels))
        if not self.training:
            return self.running_mean[None, :, None], self.running_var[None, :, None]
        mean = pooled.mean(dim=0, keepdim=True)  # clips have equal lengths: the mean of their means
        variance = group_variances(x, lengths)
        values = [length * x[:, 0, 0].numel() for length in lengths]
        counts: Sequence[int] | Tensor = values
        if self.moments_of_all is None:
            check_counts(values)
        else:
            mean, variance, counts = self.moments_of_all(mean, variance, counts_like(mean, values))
        with torch.no_grad():
            running = (self.running_mean, self.running_var)
            updated = updated_running_statistics(running, mean, variance, counts, self.momentum)
            for old, new in zip(running, updated, strict=True):
                old.copy_(new)
        return mean, variance

    def forward(self, x: Tensor, relay: LayerRelay | None) -> tuple[Tensor, LayerRelay | None]:
        raise NotImplementedError(f"{type(self).__name__} must define forward: where gamma and beta come from")

    def extra_repr(self) -> str:
        return f"{self.channels}, config={self.config}, eps={self.affine.eps}, momentum={self.momentum}"


def counts_like(mean: Tensor, values: Sequence[int]) -> Tensor:
    """Numbers of values as a tensor (G,) on the device of ``mean``. It is filled there: a copy would stall a GPU."""
    return torch.stack([mean.new_full((), value) for value in values])


def channel_groups(standardization: str, channels: int) -> int:
    """Number of channel groups that share statistics with ``group``, ``instance`` or ``layer`` standardization."""
    return {"group": min(CHANNEL_GROUPS, max(channels // 2, 1)), "instance": channels, "layer": 1}[standardization]


def apply_norm(
    norm: nn.Module, x: Tensor, num_frames: int | None, relay: LayerRelay | None
) -> tuple[Tensor, LayerRelay | None]:
    """Apply any normalization layer to images (N*T, C, H, W) of ``num_frames`` per clip, or to clips (N, C, T, H, W).

    ``num_frames`` is None for clips. DNR layers always get clips.
    """
    if not isinstance(norm, RelayNorm):
        return norm(x), relay
    if num_frames is None:
        y, relay = norm(x, relay)
        return y, relay
    clips, relay = norm(split_time(x, num_frames), relay)
    return merge_time(clips), relay
