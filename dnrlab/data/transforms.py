"""From decoded frames to the clips that a network takes: resize, crop, flip, normalize.

Every frame of a clip gets the same transform. Clips stay uint8 until ``normalize``, so that a worker sends a quarter of
the bytes that float32 takes.

Sources: Wang et al., "Temporal segment networks", ECCV 2016 (multi-scale crop at 5 positions); Lin et al., "TSM", ICCV
2019, and its code (13 positions).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dnrlab.torchvision_guard import guard_torchvision

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SCALES = (1.0, 0.875, 0.75, 0.66)

Box = tuple[int, int, int, int]  # top, left, height, width, in pixels
CORNERS_AND_CENTRE = ((0, 0), (0, 4), (4, 0), (4, 4), (2, 2))
CROP_POSITIONS = {  # of a training crop: the free space above and to the left of it, in quarters
    5: CORNERS_AND_CENTRE,
    13: (*CORNERS_AND_CENTRE, (0, 2), (2, 0), (2, 4), (4, 2), (1, 1), (1, 3), (3, 1), (3, 3)),
}


def operations() -> Any:
    """torchvision.transforms.v2.functional. It is imported only where it is used, because the import takes seconds."""
    guard_torchvision()
    from torchvision.transforms.v2 import functional

    return functional


def resize(frames: Tensor, height: int, width: int) -> Tensor:
    """Frames (..., 3, H, W) uint8, resized bilinearly with antialiasing."""
    if frames.shape[-2:] == (height, width):
        return frames
    resized: Tensor = operations().resize(frames, [height, width], antialias=True)
    return resized


def resize_short_side(frames: Tensor, short_side: int) -> Tensor:
    """Frames (..., 3, H, W) resized so that the shorter of H and W is ``short_side`` pixels."""
    height, width = frames.shape[-2:]
    return resize(frames, *short_side_size(height, width, short_side))


def short_side_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Height and width of frames whose shorter side becomes ``short_side``: 48 x 64 gives 36 x 48 for 36."""
    factor = short_side / min(height, width)
    return max(round(height * factor), short_side), max(round(width * factor), short_side)


def multi_scale_crop(
    height: int, width: int, scales: Sequence[float], generator: torch.Generator, *, positions: int = 5
) -> Box:
    """A random crop box. Each side is the frame's short side times a scale, and the box lies at a point of a grid.

    The scales of height and width are at most one step apart in ``scales``. The grid divides the free space into
    quarters, each rounded down. 5 ``positions`` are the corners and the centre. 13 also include the middles of the
    edges and the points halfway to the corners. A box of 75 x 75 in a frame of 100 x 120 pixels has a top of 0, 6, 12,
    18 or 24 and a left of 0, 11, 22, 33 or 44.
    """
    sizes = [int(min(height, width) * scale) for scale in scales]
    pairs = [(h, w) for i, h in enumerate(sizes) for j, w in enumerate(sizes) if abs(i - j) <= 1]
    crop_height, crop_width = pairs[draw(len(pairs), generator)]
    down, right = CROP_POSITIONS[positions][draw(positions, generator)]
    return down * ((height - crop_height) // 4), right * ((width - crop_width) // 4), crop_height, crop_width


def draw(count: int, generator: torch.Generator) -> int:
    """A random number in [0, count)."""
    return int(torch.randint(count, (1,), generator=generator))


def training_clip(
    frames: Tensor,
    *,
    short_side: int,
    crop_size: int,
    scales: Sequence[float],
    flip: bool,
    generator: torch.Generator,
    crop_positions: int = 5,
) -> tuple[Tensor, bool]:
    """Make a randomly cropped training clip (3, T, crop_size, crop_size) uint8 from frames (T, 3, H, W) uint8.

    If ``flip``, the clip is mirrored with probability 0.5.

    Returns: the clip, and whether it was mirrored.
    """
    frames = resize_short_side(frames, short_side)
    box = multi_scale_crop(frames.shape[-2], frames.shape[-1], scales, generator, positions=crop_positions)
    crop = operations().resized_crop(frames, *box, [crop_size, crop_size], antialias=True)
    mirrored = flip and draw(2, generator) == 1
    return (operations().horizontal_flip(crop) if mirrored else crop).transpose(0, 1), mirrored


def crop_boxes(height: int, width: int, crop_size: int, num_crops: int) -> list[Box]:
    """The boxes of the test crops: one at the centre, or three along the longer side (both ends and the middle).

    Three crops of 256 in a frame of height 256 and width 340 have their left edges at 0, 42 and 84.

    Raises: ValueError if ``num_crops`` is neither 1 nor 3, or ``crop_size`` is larger than the frame.
    """
    if num_crops not in (1, 3):
        raise ValueError(f"expected num_crops of 1 or 3, got {num_crops}; set it to 1 or 3")
    if crop_size > min(height, width):
        raise ValueError(
            f"expected crop_size of at most {min(height, width)} (the frame's short side, pixels), got {crop_size}; "
            "lower crop_size or raise short_side"
        )
    free_down, free_right = height - crop_size, width - crop_size
    if num_crops == 1:
        return [(free_down // 2, free_right // 2, crop_size, crop_size)]
    if height > width:
        return [(free_down * i // 2, free_right // 2, crop_size, crop_size) for i in range(3)]
    return [(free_down // 2, free_right * i // 2, crop_size, crop_size) for i in range(3)]


def evaluation_clips(frames: Tensor, *, short_side: int, crop_size: int, num_crops: int) -> Tensor:
    """Make the test crops (num_crops, 3, T, crop_size, crop_size) uint8 of frames (T, 3, H, W) uint8."""
    frames = resize_short_side(frames, short_side)
    boxes = crop_boxes(frames.shape[-2], frames.shape[-1], crop_size, num_crops)
    return torch.stack([frames[..., y : y + h, x : x + w].transpose(0, 1) for y, x, h, w in boxes])


def to_unit(clips: Tensor) -> Tensor:
    """Clips of any shape in [0, 1]: uint8 clips become float32 and are divided by 255, float clips stay as they are."""
    return clips if clips.is_floating_point() else clips.to(torch.float32) / 255


def normalize(clips: Tensor) -> Tensor:
    """Clips (N, 3, T, H, W), uint8 or in [0, 1], standardized by ImageNet's channel means and standard deviations."""
    unit = to_unit(clips)
    mean, std = (
        torch.stack([unit.new_full((1, 1, 1), value) for value in values]) for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return (unit - mean) / std  # filled on the device: a copy would stall a GPU
