"""Images of a 2D network as clips and back, and the check of a clip's shape."""

from einops import rearrange
from torch import Tensor


def split_time(x: Tensor, num_frames: int) -> Tensor:
    """Images (N*T, C, H, W), in the order of the clips, as clips (N, C, T, H, W); a view, no copy.

    Raises: ValueError if the number of images is not a multiple of ``num_frames``.
    """
    if x.ndim != 4 or num_frames < 1 or x.shape[0] % num_frames:
        raise ValueError(
            f"expected images (N*T, C, H, W) of whole clips of T={num_frames} frames, got {tuple(x.shape)}; "
            "pass the number of frames per clip"
        )
    return rearrange(x, "(n t) c h w -> n c t h w", t=num_frames)


def merge_time(x: Tensor) -> Tensor:
    """Clips (N, C, T, H, W) as images (N*T, C, H, W); a view if they came from ``split_time``."""
    return rearrange(x, "n c t h w -> (n t) c h w")


def check_clip(x: Tensor, *, channels: int) -> None:
    """Raise ValueError unless ``x`` is a clip (N, C, T, H, W) with C = ``channels``."""
    if x.ndim != 5 or x.shape[1] != channels:
        raise ValueError(
            f"expected a clip (N, C={channels}, T, H, W), got {tuple(x.shape)}; "
            "regroup the frames of a 2D network with split_time(x, num_frames) first"
        )
