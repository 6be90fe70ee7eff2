"""Frame groups: where a clip is cut, and the statistics of each group.

Axes: N clips, C channels, T frames, H height, W width; G frame groups per clip (one group is the whole clip).
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def group_lengths(num_frames: int, relay_distance: int) -> list[int]:
    """Numbers of frames of the consecutive groups of a clip: 7 frames at relay distance 3 give [3, 3, 1].

    Raises: ValueError if either number is below 1.
    """
    for name, value in (("num_frames", num_frames), ("relay_distance", relay_distance)):
        if value < 1:
            raise ValueError(
                f"expected {name} of at least 1, got {value}; "
                "the relay distance is the number of frames per group, 4 in the paper"
            )
    return [min(relay_distance, num_frames - start) for start in range(0, num_frames, relay_distance)]


def group_means(x: Tensor, lengths: Sequence[int]) -> Tensor:
    """Mean of ``x`` (N, C, T, H, W) over the frames of each group and over space: (N, C, G), float32 or wider."""
    frames = x.mean(dim=(3, 4), dtype=statistics_dtype(x))  # (N, C, T)
    return torch.stack([group.mean(dim=2) for group in frames.split(list(lengths), dim=2)], dim=2)


def group_variances(x: Tensor, lengths: Sequence[int]) -> Tensor:
    """Biased variance of ``x`` (N, C, T, H, W) over (N, frames of the group, H, W): (1, C, G), float32 or wider."""
    groups = x.to(statistics_dtype(x)).split(list(lengths), dim=2)
    return torch.stack([group.var(dim=(0, 2, 3, 4), correction=0) for group in groups], dim=1).unsqueeze(0)


def clip_moments(x: Tensor, lengths: Sequence[int], channel_groups: int) -> tuple[Tensor, Tensor]:
    """Mean and biased variance, each (N, C, G), of each clip of ``x`` (N, C, T, H, W).

    The channels are split into ``channel_groups`` equal parts. Statistics are taken over the frames of a group, over
    space, and over the channels of a part. C parts give instance norm, one part gives layer norm.

    Raises: ValueError if the parts are not equal, or a part has one value, which has no variance.
    """
    if x.shape[1] % channel_groups:
        raise ValueError(
            f"expected channels to be a multiple of the {channel_groups} channel groups, got {x.shape[1]}; "
            "choose another width, or standardization instance or layer"
        )
    if x.shape[1] // channel_groups * min(lengths) * x.shape[3] * x.shape[4] < 2:
        raise ValueError(
            f"expected more than one value per part of a clip's channels, got one in x of shape {tuple(x.shape)}; "
            "use larger frames, a larger relay distance, or standardization batch or layer"
        )
    parts = x.to(statistics_dtype(x)).unflatten(1, (channel_groups, -1))  # (N, parts, C / parts, T, H, W)
    moments = [
        torch.var_mean(group, dim=(2, 3, 4, 5), correction=0) for group in parts.split(list(lengths), dim=3)
    ]  # each (N, parts)
    variance, mean = (torch.stack(each, dim=2) for each in zip(*moments, strict=True))
    channels = x.shape[1] // channel_groups
    return mean.repeat_interleave(channels, dim=1), variance.repeat_interleave(channels, dim=1)


def of_frames(groups: Tensor, lengths: Sequence[int]) -> Tensor:
    """Values of groups (N, C, G), repeated for each of their frames: (N, C, T). An index tensor would stall a GPU."""
    return torch.cat([groups[:, :, i : i + 1].expand(-1, -1, length) for i, length in enumerate(lengths)], dim=2)


def statistics_dtype(x: Tensor) -> torch.dtype:
    """Float32 or wider: a mean rounded to 8 or 11 bits would shift every value of its channel."""
    return torch.promote_types(x.dtype, torch.float32)
