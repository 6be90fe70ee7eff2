"""Whether heat matters to the network: deletion and insertion curves, for maps and for random maps.

Source: Petsiuk, Das and Saenko, "RISE", BMVC 2018, Sec. 4.3. Differs from the source: one order
covers the pixels of all frames of a clip; deleted pixels get the mean colour of training, which is 0 when normalised.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dnrlab.data.transforms import normalize
from dnrlab.torchvision_guard import guard_torchvision


class Curves(NamedTuple):
    """Softmax scores of a class as more and more pixels are deleted or inserted, hottest first; each (K+1,)."""

    deletion: Tensor
    insertion: Tensor


@torch.inference_mode()
def deletion_and_insertion(
    model: nn.Module, clip: Tensor, heat: Tensor, index: int, *, steps: int = 10, batch_size: int = 16
) -> Curves:
    """Scores of class ``index`` after 0, 1/K, …, 1 of the pixels were deleted from a clip, or inserted into its blur.

    If a map marks the pixels that matter, the deletion curve falls early and the insertion curve rises early.

    Args:
        model: in evaluation mode.
        clip: (3, T, H, W) in [0, 1], not normalised.
        heat: (T, H, W); equal values are ordered by time, row and column.
        steps: K.
        batch_size: clips that go through the network together.

    Raises: ValueError if heat and clip differ in shape.
    """
    if heat.shape != clip.shape[1:]:
        raise ValueError(
            f"expected heat of the clip's shape {tuple(clip.shape[1:])}, got {tuple(heat.shape)}; "
            "resize it to one value per pixel"
        )
    order = heat.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device)).view_as(heat)
    shares = torch.arange(steps + 1, device=heat.device).view(-1, 1, 1, 1, 1) / steps
    taken = rank < (shares * len(order)).round()  # (K+1, 1, T, H, W)
    sharp, blurred = normalize(clip[None]), normalize(blur(clip)[None])
    changed = torch.where(taken, 0.0, sharp), torch.where(taken, sharp, blurred)  # (K+1, 3, T, H, W) each
    return Curves(*(scores_of(model, clips.split(batch_size), index) for clips in changed))


def scores_of(model: nn.Module, batches: Sequence[Tensor], index: int) -> Tensor:
    """Softmax scores of class ``index`` for batches of clips, on the CPU."""
    return torch.cat([model(clips).float().softmax(dim=1)[:, index].cpu() for clips in batches])


def blur(clip: Tensor) -> Tensor:
    """A clip (3, T, H, W) blurred until frames show colours and no shapes: sigma is a tenth of the shorter side."""
    guard_torchvision()
    from torchvision.transforms.v2.functional import gaussian_blur

    sigma = min(clip.shape[2:]) / 10  # pixels
    kernel = 2 * round(2 * sigma) + 1
    blurred: Tensor = gaussian_blur(clip.transpose(0, 1), [kernel, kernel], [sigma, sigma])
    return blurred.transpose(0, 1)


def area_under(curve: Tensor) -> float:
    """The mean height of a curve over equal steps, by the trapezoid rule: [1, 0, 0] gives 0.25."""
    return float(torch.trapezoid(curve) / (len(curve) - 1))


def random_heat(shape: tuple[int, int, int], cells: int, generator: torch.Generator) -> Tensor:
    """A random map (T, H, W), interpolated from ``cells`` x ``cells`` cells per frame and T / 4 cells in time."""
    coarse = torch.rand(1, 1, max(shape[0] // 4, 1), cells, cells, generator=generator)
    return F.interpolate(coarse, size=shape, mode="trilinear", align_corners=False)[0, 0]
