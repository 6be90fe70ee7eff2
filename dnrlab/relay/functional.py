"""The equations of Dynamic Normalization and Relay, as pure functions.

Source: Cai, Yao and Chen, "Dynamic Normalization and Relay for Video Action Recognition", NeurIPS 2021, Sec. 3.
Axes: N clips, C channels, T frames, H height, W width; G frame groups per clip (one group is the whole clip).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dnrlab.relay.axes import by_frame
from dnrlab.relay.groups import of_frames
from dnrlab.relay.passes import multiply_add, scale_and_shift

NUM_PARTS = 8  # equal parts of the channels in interlacing: one from the next frame, one from the previous frame


class CellState(NamedTuple):
    """The state of one cell of the LSTM, each (N, C)."""

    hidden: Tensor
    cell: Tensor


RelayState = tuple[CellState, ...]  # of all stacked cells


def check_counts(counts: Sequence[int]) -> None:
    """ValueError if a group has one value per channel, which has no variance."""
    if min(counts) < 2:
        raise ValueError(
            "expected more than one value per channel in every frame group when training, got one; "
            "use more clips per batch, larger frames or a larger relay distance"
        )


def updated_running_statistics(
    running: tuple[Tensor, Tensor],
    mean: Tensor,
    variance: Tensor,
    counts: Sequence[int] | Tensor,
    momentum: float,
) -> tuple[Tensor, Tensor]:
    """Running mean and variance (C,) after one update per group, in order, as in the authors' release.

    Args:
        running: mean and variance before, each (C,).
        mean, variance: of the groups, each (1, G, C); the variance is biased.
        counts: values per channel in each group, (G,) or (G, 1); they make the running variance unbiased.
        momentum: weight of the newest group, as in batch norm.
    """
    running_mean, running_variance = running
    for group, count in enumerate(counts):
        unbiased = variance[0, group] * (count / (count - 1))
        running_mean = torch.lerp(running_mean, mean[0, group].to(running_mean.dtype), momentum)
        running_variance = torch.lerp(running_variance, unbiased.to(running_variance.dtype), momentum)
    return running_mean, running_variance


def pooled_moments(
    mean: Tensor, variance: Tensor, counts: Tensor, total: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance and count of all values, from the mean, biased variance and count of each part.

    ``total`` adds a tensor up over the parts. A part of 2 values with mean 1 and variance 1 and a part of 2 values with
    mean 5 and variance 1 give mean 3, variance 5 and count 4. The variance is the mean variance within the parts plus
    the variance of their means.
    """
    count = total(counts)
    all_mean = total(counts * mean) / count
    return all_mean, total(counts * (variance + (mean - all_mean) ** 2)) / count, count


def standardize_and_affine(
    x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, lengths: Sequence[int], eps: float
) -> Tensor:
    """Standardize ``x`` group by group, then scale and shift it by the relayed parameters.

        y = gamma * (x - mean) / sqrt(variance + eps) + beta

    It is applied as one multiply-add per value, so x is read once.

    Args:
        x: clips (N, C, T, H, W), or their images (N*T, C, H, W).
        mean, variance: (1, G, C) of the batch, (N, G, C) of each clip, or (…, 1, C) for all groups.
        gamma, beta: (N, G, C).
        lengths: frames of each group; they add up to T.
        eps: added to the variance, in squared units of x.

    Returns: y like x.
    """
    scale = gamma * torch.rsqrt(variance + eps)  # (N, G, C)
    if not torch.is_grad_enabled():
        shift = beta - mean * scale
        return multiply_add(x, *(by_frame(of_frames(each, lengths), x) for each in (scale, shift)))
    mean, beta = (each.expand_as(scale).to(scale.dtype) for each in (mean, beta))
    return scale_and_shift(x, *(by_frame(of_frames(each, lengths), x) for each in (mean, scale, beta)))


def relay_step(gates: Tensor, cell: Tensor | None = None) -> CellState:
    """One step of the relay's LSTM. ``gates`` (N, 4C) in the order i, f, g, o; ``cell`` (N, C), None for zeros.

        c' = sigmoid(f) * c + sigmoid(i) * tanh(g),    h' = sigmoid(o) * sigmoid(c')

    The hidden state uses a sigmoid where a common LSTM uses tanh, so 0 < gamma = h' < 1.
    """
    i, f, _, o = gates.sigmoid().chunk(4, dim=1)  # all at once: a call takes longer than its arithmetic
    new = i * gates.chunk(4, dim=1)[2].tanh()
    if cell is not None:
        new = torch.addcmul(new, f, cell)
    return CellState(o * new.sigmoid(), new)


def interlace_channels(x: Tensor, part: int | None = None, *, back: bool = False) -> Tensor:
    """Exchange channels between neighbouring frames of ``x`` (N, C, T, H, W).

    The channels form ``NUM_PARTS`` equal parts. The first takes its values from frame t+1, the second from frame t-1,
    with zeros past the ends. The others stay. Each value is moved once.
    Source: Lin, Gan and Han, "TSM", ICCV 2019; DNR, supplement B.

    Args:
        part: channels of a part; None computes it from C.
        back: exchange the two directions, as the gradient does.

    Raises: ValueError if there are fewer channels than parts.
    """
    part = part_size(x.shape[1]) if part is None else part
    ahead, behind = slice(part), slice(part, 2 * part)
    if back:
        ahead, behind = behind, ahead
    out = torch.empty_like(x)  # lies in memory like x
    out[:, ahead, :-1], out[:, ahead, -1] = x[:, ahead, 1:], 0
    out[:, behind, 1:], out[:, behind, 0] = x[:, behind, :-1], 0
    out[:, 2 * part :] = x[:, 2 * part :]
    return out


def part_size(channels: int) -> int:
    """Channels of a part in interlacing. ValueError if there are fewer channels than parts."""
    if channels < NUM_PARTS:
        raise ValueError(f"expected at least {NUM_PARTS} channels to interlace, got {channels}; use a wider network")
    return channels // NUM_PARTS
