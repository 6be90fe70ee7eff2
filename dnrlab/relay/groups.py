"""Frame groups: where a clip is cut, and the statistics of each group.

Axes: N clips, C channels, T frames, H height, W width; G frame groups per clip (one group is the whole clip).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dnrlab.relay.passes import Moments


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


def cut(values: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """Values of frames (N, T, …) as (N, G', d, …): groups of equal length, and a shorter last group if there is one.

    ``lengths`` are those of ``group_lengths``: [3, 3, 1] gives tensors of 2 groups of 3 frames and of 1 group of 1.
    """
    equal = lengths.count(lengths[0])
    if equal == len(lengths):
        return [values.unflatten(1, (equal, lengths[0]))]
    frames = equal * lengths[0]
    return [values[:, :frames].unflatten(1, (equal, lengths[0])), values[:, frames:].unsqueeze(1)]


def concatenated(parts: Sequence[Tensor]) -> Tensor:
    """Parts (N, G', …) as one tensor (N, G, …)."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)


def group_means(means: Tensor, lengths: Sequence[int]) -> Tensor:
    """Mean over the frames of each group, (N, G, C), of the means of frames (N, T, C)."""
    return concatenated([groups.mean(dim=2) for groups in cut(means, lengths)])


def group_moments(frames: Moments, lengths: Sequence[int]) -> Moments:
    """Mean and biased variance, each (1, G, C), over all clips and the frames of each group, from those of frames."""
    parts = [
        moments_of_all(Moments(*each), dims=(0, 2)) for each in zip(*(cut(m, lengths) for m in frames), strict=True)
    ]
    return Moments(*(concatenated(each).squeeze(2) for each in zip(*parts, strict=True)))


def clip_moments(frames: Moments, lengths: Sequence[int], channel_groups: int, pixels: int) -> Moments:
    """Mean and biased variance, each (N, G, C), of each clip.

    The channels are split into ``channel_groups`` equal parts. Statistics are taken over the frames of a group, over
    space, and over the channels of a part. C parts give instance norm, one part gives layer norm.

    Args:
        frames: of all frames, (N, T, C).
        pixels: values per frame and channel.

    Raises: ValueError if the parts are not equal, or a part has one value, which has no variance.
    """
    channels = frames.mean.shape[2]
    if channels % channel_groups:
        raise ValueError(
            f"expected channels to be a multiple of the {channel_groups} channel groups, got {channels}; "
            "choose another width, or standardization instance or layer"
        )
    share = channels // channel_groups
    if share * min(lengths) * pixels < 2:
        raise ValueError(
            f"expected more than one value per part of a clip's channels, got one in maps of {channels} channels and "
            f"{pixels} pixels; use larger frames, a larger relay distance, or standardization batch or layer"
        )
    groups = zip(*(cut(each.unflatten(2, (channel_groups, share)), lengths) for each in frames), strict=True)
    parts = [moments_of_all(Moments(*each), dims=(2, 4)) for each in groups]  # of (N, G', 1, parts, 1) each
    whole = (concatenated(each).squeeze(2).squeeze(3) for each in zip(*parts, strict=True))
    return Moments(*(each.repeat_interleave(share, dim=2) for each in whole))


def moments_of_all(parts: Moments, dims: tuple[int, int]) -> Moments:
    """Mean and biased variance of all values, from those of parts of equal size along two axes, which become 1.

    The variance is the mean variance within the parts plus the variance of their means.
    """
    mean = parts.mean.mean(dim=dims, keepdim=True)
    return Moments(mean, (parts.variance + (parts.mean - mean).square()).mean(dim=dims, keepdim=True))


def of_frames(groups: Tensor, lengths: Sequence[int]) -> Tensor:
    """Values of groups (N, G, C), repeated for each of their frames: (N, T, C). An index tensor would stall a GPU."""
    if len(lengths) == 1:
        return groups.expand(-1, lengths[0], -1)
    equal = lengths.count(lengths[0])
    if equal == len(lengths):
        return groups.repeat_interleave(lengths[0], dim=1)
    return concatenated([of_frames(groups[:, :equal], lengths[:equal]), of_frames(groups[:, equal:], lengths[equal:])])
