"""Convolutions whose input is interlaced: some of its channels come from the neighbouring frames.

A convolution on interlaced features would save them for its backward pass, one more of the widest maps of every block.
The layers here save the features as they were, and move the channels again. A 1x1 convolution on a CPU moves nothing at
all: it is linear, so it multiplies the channels of each frame with their part of the weight, where they are.
Source: DNR, supplement B. Differs from the source: it is on in training and in evaluation. The supplement mentions
training only, but a network trained on mixed frames would then get other features in evaluation.
"""

from typing import Any

import torch
from torch import Tensor, nn

from dnrlab.relay.axes import check_images, merge_time, split_time
from dnrlab.relay.functional import interlace_channels, part_size
from dnrlab.relay.passes import autocast_dtype, refuse_second_derivatives, reshaped

CHANNELS_PER_PIXEL = 32  # with more, torch's convolution is faster than products of single frames (measured)
Convolution = nn.Conv2d | nn.Conv3d


class InterlacedConv2d(nn.Conv2d):
    """A convolution of images that interlaces their channels first. Its parameters are torch's.

    Shape: images (N*T, C, H, W), and T unless ``num_frames`` is set, in; images out.

    Raises: ValueError if T is not known.
    """

    num_frames: int | None = None  # T, where a block built elsewhere calls with images alone

    def forward(self, input: Tensor, num_frames: int | None = None) -> Tensor:
        return convolve_interlaced(self, input, num_frames or self.num_frames or 0)


class InterlacedConv3d(nn.Conv3d):
    """A convolution of clips that interlaces their channels first. Its parameters are torch's.

    Shape: clips (N, C, T, H, W) in; clips out.
    """

    def forward(self, input: Tensor) -> Tensor:
        return convolve_interlaced(self, input, None)


def convolve_interlaced(conv: Convolution, x: Tensor, num_frames: int | None) -> Tensor:
    """The convolution of interlaced images (N*T, C, H, W) with T = ``num_frames``, or of clips (N, C, T, H, W).

    It can be differentiated once.

    Raises: ValueError if there are fewer than eight channels, the images are no whole clips, or the padding is not by
        zeros.
    """
    if num_frames is not None:
        check_images(x, num_frames)
    part_size(x.shape[1])  # raises
    if conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        raise ValueError(
            f"expected padding by zeros, given in numbers, got {conv.padding!r} of {conv.padding_mode!r}; "
            "pad the features before the layer"
        )
    weight, bias = conv.weight, conv.bias
    if (dtype := autocast_dtype(x)) is not None:
        x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    if num_frames is not None and is_product(conv, x):
        multiply = Products.apply if torch.is_grad_enabled() else Products.forward
        y: Tensor = multiply(x, weight, bias, num_frames)
        return y
    settings = (conv.stride, conv.padding, conv.dilation, False, (0,) * len(conv.stride), conv.groups)
    convolve = OfInterlaced.apply if torch.is_grad_enabled() else OfInterlaced.forward
    y = convolve(x, weight, bias, settings, num_frames)
    return y


def is_product(conv: Convolution, x: Tensor) -> bool:
    """Whether a convolution is best computed as products of the channels of single frames."""
    pointwise = conv.kernel_size == conv.stride == (1, 1) and conv.padding == (0, 0) and conv.groups == 1
    here = x.device.type == "cpu" and x.is_contiguous() and not torch.compiler.is_exporting()
    return pointwise and here and x.shape[1] <= CHANNELS_PER_PIXEL * x.shape[2] * x.shape[3]


class OfInterlaced(torch.autograd.Function):
    """Any convolution of interlaced features; saves the features as they were, and the weight."""

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor | None, settings: tuple[Any, ...], frames: int | None
    ) -> Tensor:
        return torch.convolution(exchanged(x, frames), weight, bias, *settings)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, ctx.settings, ctx.frames = inputs
        ctx.bias_sizes = None if bias is None else list(bias.shape)
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        x, weight = ctx.saved_tensors
        needed = list(ctx.needs_input_grad[:3])
        of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
            of_y, exchanged(x, ctx.frames), weight, ctx.bias_sizes, *ctx.settings, needed
        )
        return exchanged(of_x, ctx.frames, back=True) if needed[0] else None, of_weight, of_bias, None, None


def exchanged(x: Tensor, num_frames: int | None, part: int | None = None, *, back: bool = False) -> Tensor:
    """``interlace_channels`` of images with T = ``num_frames``, or of clips."""
    if num_frames is None:
        return interlace_channels(x, part, back=back)
    return merge_time(interlace_channels(split_time(x, num_frames), part, back=back))


class Products(torch.autograd.Function):
    """A 1x1 convolution of interlaced images, as products; saves the images and the weight.

    With a, b and r the channels that come from the next frame, from the previous frame, and the rest:
        y[t] = Wr x[t, r] + Wa x[t+1, a] + Wb x[t-1, b],    without the terms past the ends of a clip
    """

    @staticmethod
    def forward(images: Tensor, weight: Tensor, bias: Tensor | None, num_frames: int) -> Tensor:
        x, w = images.flatten(2), weight.flatten(1).expand(len(images), -1, -1)  # (N*T, C, P), (N*T, O, C)
        part = part_size(images.shape[1])
        a, b, rest = slice(part), slice(part, 2 * part), slice(2 * part, None)
        own = w[:, :, rest], x[:, rest]
        y = torch.bmm(*own) if bias is None else torch.baddbmm(bias.view(1, -1, 1), *own)
        for first in range(0, len(x), num_frames):  # of a clip
            last = first + num_frames - 1
            y[first:last].baddbmm_(w[first:last, :, a], x[first + 1 : last + 1, a])
            y[first + 1 : last + 1].baddbmm_(w[first:last, :, b], x[first:last, b])
        return reshaped(y, torch.Size((*y.shape[:2], *images.shape[2:])))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.num_frames = inputs[3]

    @staticmethod
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        images, weight = ctx.saved_tensors
        part, gradient = part_size(images.shape[1]), of_y.contiguous().flatten(2)  # (N*T, O, P)
        of_x = of_weight = None
        of_bias = gradient.sum(dim=(0, 2)) if ctx.needs_input_grad[2] else None
        if ctx.needs_input_grad[0]:
            of_x = torch.bmm(weight.flatten(1).t().expand(len(images), -1, -1), gradient).view_as(images)
            moved = of_x[:, : 2 * part]
            moved.copy_(exchanged(moved, ctx.num_frames, part, back=True))
        if ctx.needs_input_grad[1]:
            a, b, rest = slice(part), slice(part, 2 * part), slice(2 * part, None)
            x, of_w = images.flatten(2).transpose(1, 2), torch.zeros_like(weight).flatten(1)  # (N*T, P, C), (O, C)
            of_w[:, rest].addbmm_(gradient, x[:, :, rest])
            for first in range(0, len(x), ctx.num_frames):
                last = first + ctx.num_frames - 1
                of_w[:, a].addbmm_(gradient[first:last], x[first + 1 : last + 1, :, a])
                of_w[:, b].addbmm_(gradient[first + 1 : last + 1], x[first:last, :, b])
            of_weight = of_w.view_as(weight)
        return of_x, of_weight, of_bias, None
