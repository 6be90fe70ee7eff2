"""Images of a 2D network as clips and back, values of their frames, and checks of shapes."""

from einops import rearrange
from torch import Tensor


def split_time(x: Tensor, num_frames: int) -> Tensor:
    """Images (N*T, C, H, W), in the order of the clips, as clips (N, C, T, H, W); a view, no copy.

    Raises: ValueError if the number of images is not a multiple of ``num_frames``.
    """
    check_images(x, num_frames)
    return rearrange(x, "(n t) c h w -> n c t h w", t=num_frames)


def check_images(x: Tensor, num_frames: int) -> None:
    """Raise ValueError unless ``x`` holds the images (N*T, C, H, W) of whole clips of T = ``num_frames``."""
    if x.ndim != 4 or num_frames < 1 or x.shape[0] % num_frames:
        raise ValueError(
            f"expected images (N*T, C, H, W) of whole clips of T={num_frames} frames, got {tuple(x.shape)}; "
            "pass the number of frames per clip"
        )


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


def check_features(x: Tensor, num_frames: int | None, *, channels: int) -> None:
    """Raise ValueError unless ``x`` has C = ``channels``, and holds clips, or images with T = ``num_frames``."""
    if num_frames is None:
        check_clip(x, channels=channels)
        return
    check_images(x, num_frames)
    if x.shape[1] != channels:
        raise ValueError(f"expected images (N*T, C={channels}, H, W), got {tuple(x.shape)}; check the layer before")


def by_clip(values: Tensor, num_frames: int | None) -> Tensor:
    """Values of frames as (N, T, C): of images (N*T, C) with T = ``num_frames``, or of clips (N, C, T)."""
    return values.transpose(1, 2) if num_frames is None else values.unflatten(0, (-1, num_frames))


def by_frame(values: Tensor, x: Tensor) -> Tensor:
    """Values of frames (N, T, C) in the order of ``x``: (N*T, C) for images (N*T, C, H, W), (N, C, T) for clips."""
    return values.flatten(0, 1) if x.ndim == 4 else values.transpose(1, 2)
