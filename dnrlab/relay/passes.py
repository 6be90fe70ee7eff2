"""The passes over feature maps: moments of every frame, and a scale and a shift per frame.

All that DNR does to a map is made of these. The rest is arithmetic on numbers per frame. In training each pass saves
the map itself, which batch norm saves too, and no other map.

A map is (…, H, W): images (N*T, C, H, W) or clips (N, C, T, H, W). Values per frame and channel are (…), in the same
order. On a CPU the passes are torch's kernels of batch norm, to which all values of (…) are channels of one image.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Moments(NamedTuple):
    """Mean and biased variance over height and width, or more, float32 or wider."""

    mean: Tensor
    variance: Tensor


def frame_means(x: Tensor) -> Tensor:
    """Mean of ``x`` (…, H, W) over height and width: (…), float32 or wider."""
    if has_kernels(x):
        return x.flatten(-2).mean(dim=-1)  # torch is slower over two axes
    return x.mean(dim=(-2, -1), dtype=statistics_dtype(x))


def frame_moments(x: Tensor) -> Moments:
    """Moments (…) of ``x`` (…, H, W). They can be differentiated once."""
    measure: Callable[[Tensor], tuple[Tensor, Tensor]] = (
        FrameMoments.apply if torch.is_grad_enabled() else FrameMoments.forward
    )
    return Moments(*measure(x))


def scale_and_shift(x: Tensor, mean: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """(x - mean) * scale + shift, of the dtype of ``x`` (…, H, W). It can be differentiated once.

    Args:
        mean, scale, shift: (…), float32 or wider.
    """
    apply: Callable[..., Tensor] = ScaleAndShift.apply
    return apply(x, mean, scale, shift)


class FrameMoments(torch.autograd.Function):
    """``frame_moments``; saves x and the means."""

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        if (image := as_image(x)) is not None:
            mean, variance = torch.batch_norm_update_stats(image, None, None, 0.0)
            return reshaped(mean, x.shape[:-2]), reshaped(variance, x.shape[:-2])
        variance, mean = torch.var_mean(x.to(statistics_dtype(x)), dim=(-2, -1), correction=0)
        return mean, variance

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs, output[0])

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_variance: Tensor) -> Tensor:
        refuse_second_derivatives()
        x, mean = ctx.saved_tensors
        pixels = x.shape[-2] * x.shape[-1]
        scale = of_variance * (2 / pixels)
        return multiply_add(x, scale, of_mean / pixels - mean * scale)


class ScaleAndShift(torch.autograd.Function):
    """``scale_and_shift``; saves x, mean and scale."""

    @staticmethod
    def forward(x: Tensor, mean: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return multiply_add(x, scale, shift - mean * scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])

    @staticmethod
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        refuse_second_derivatives()
        x, mean, scale = ctx.saved_tensors
        if (image := as_image(x)) is not None:
            of_image, ones, none = of_y.contiguous().view_as(image), torch.ones_like(mean).flatten(), None
            given = (of_image, image, scale.flatten(), mean.flatten(), ones, none, none, False, 0.0, [True] * 3)
            of_x, of_scale, of_shift = torch.ops.aten.native_batch_norm_backward(*given)
            of_x, of_scale, of_shift = of_x.view_as(x), of_scale.view_as(mean), of_shift.view_as(mean)
        else:
            of_scale = (of_y * (x.to(scale.dtype) - mean[..., None, None])).sum(dim=(-2, -1))
            of_shift = of_y.sum(dim=(-2, -1), dtype=scale.dtype)
            of_x = (of_y * scale[..., None, None]).to(x.dtype)
        return of_x, -scale * of_shift, of_scale, of_shift


def multiply_add(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """``x`` (…, H, W) times scale, plus shift, each (…); of the dtype of x. For use inside of an autograd function."""
    if (image := as_image(x)) is not None:
        weight, bias = scale.flatten(), shift.flatten()
        zeros = torch.zeros_like(weight)
        y = F.batch_norm(image, zeros, zeros, weight, bias, eps=1.0)  # (x - 0) / sqrt(0 + 1) * weight + bias
        return reshaped(y, x.shape)
    return torch.addcmul(shift[..., None, None], x, scale[..., None, None]).to(x.dtype)


def as_image(x: Tensor) -> Tensor | None:
    """``x`` as one image with a channel per frame and channel, for batch norm's kernels; None where they are slow."""
    return x.view(1, -1, x.shape[-2], x.shape[-1]) if has_kernels(x) else None


def has_kernels(x: Tensor) -> bool:
    """Whether batch norm's kernels are used: for contiguous float32 and float64 on a CPU.

    A compiler fuses plain operations instead, and an export to another format has them too.
    """
    usable = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64) and x.numel() > 0
    return usable and x.is_contiguous() and not torch.compiler.is_compiling()


def reshaped(x: Tensor, shape: torch.Size) -> Tensor:
    """``x`` in another shape, for the output of an autograd function: a view there must not be changed in place."""
    return torch.ops.aten._unsafe_view(x, list(shape))  # type: ignore[no-any-return]


def refuse_second_derivatives() -> None:
    """RuntimeError inside a backward pass that is to be differentiated itself: the result would lack terms."""
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        raise RuntimeError(
            "expected first derivatives through DNR and interlacing, got a backward pass with create_graph=True; "
            "leave it out"
        )


def autocast_dtype(x: Tensor) -> torch.dtype | None:
    """What autocast converts inputs on the device of ``x`` to; None where it is off."""
    device = x.device.type
    on = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return torch.get_autocast_dtype(device) if on else None


def statistics_dtype(x: Tensor) -> torch.dtype:
    """Float32 or wider: a mean rounded to 8 or 11 bits would shift every value of its channel."""
    return torch.promote_types(x.dtype, torch.float32)
