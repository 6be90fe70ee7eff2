"""The equations of Dynamic Normalization and Relay, as pure functions.

Source: Cai, Yao and Chen, "Dynamic Normalization and Relay for Video Action Recognition", NeurIPS 2021, Sec. 3.
Axes: N clips, C channels, T frames, H height, W width; G frame groups per clip (one group is the whole clip).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dnrlab.relay.groups import of_frames

NUM_PARTS = 8  # equal parts of the channels in interlacing: one from the next frame, one from the previous frame
RelayState = tuple[Tensor, Tensor]  # hidden and cell state: each (N, C) of one cell, or (d, N, C) of d stacked cells


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
        mean, variance: of the groups, each (1, C, G); the variance is biased.
        counts: values per channel in each group, (G,); they make the variance unbiased for the running variance.
        momentum: weight of the newest group, as in batch norm.
    """
    running_mean, running_variance = running
    for group, count in enumerate(counts):
        unbiased = variance[0, :, group] * (count / (count - 1))
        running_mean = torch.lerp(running_mean, mean[0, :, group].to(running_mean.dtype), momentum)
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
        x: (N, C, T, H, W).
        mean, variance: (1, C, G) of the batch, (N, C, G) of each clip, or (…, C, 1) for all groups.
        gamma, beta: (N, C, G).
        lengths: frames of each group; they add up to T.
        eps: added to the variance, in squared units of x.

    Returns: (N, C, T, H, W), of the dtype of x.
    """
    scale = gamma * torch.rsqrt(variance + eps)  # (N, C, G)
    shift = beta - mean * scale
    scale, shift = (of_frames(each, lengths)[..., None, None] for each in (scale, shift))  # (N, C, T, 1, 1)
    return torch.addcmul(shift, x, scale).to(x.dtype)


def relay_step(gates: Tensor, cell: Tensor) -> RelayState:
    """One step of the relay's LSTM. ``gates`` (N, 4C) in the order i, f, g, o; ``cell`` (N, C).

        c' = sigmoid(f) * c + sigmoid(i) * tanh(g),    h' = sigmoid(o) * sigmoid(c')

    The hidden state uses a sigmoid where a common LSTM uses tanh, so 0 < gamma = h' < 1.
    """
    i, f, g, o = gates.chunk(4, dim=1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.sigmoid(), cell


def interlace_channels(x: Tensor, num_parts: int = NUM_PARTS) -> Tensor:
    """Exchange channels between neighbouring frames of ``x`` (N, C, T, H, W).

    The channels form ``num_parts`` equal parts. The first takes its values from frame t+1, the second from frame t-1,
    with zeros past the ends. The others stay. ValueError if there are fewer channels than parts.
    Source: Lin, Gan and Han, "TSM", ICCV 2019; DNR, supplement B.
    """
    part = x.shape[1] // num_parts
    if part == 0:
        raise ValueError(f"expected at least {num_parts} channels to interlace, got {x.shape[1]}; use a wider network")
    out = torch.zeros_like(x)
    out[:, :part, :-1] = x[:, :part, 1:]
    out[:, part : 2 * part, 1:] = x[:, part : 2 * part, :-1]
    out[:, 2 * part :] = x[:, 2 * part :]
    return out
