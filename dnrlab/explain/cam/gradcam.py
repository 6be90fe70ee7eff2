"""Grad-CAM++ for clips: one weight per channel and clip, maps over time and space.

Source: Chattopadhay et al., "Grad-CAM++", WACV 2018, Eq. 19 and 20, with their sums over (i, j) taken over (t, i, j).
With S the logit, Y = exp(S), A a channel of the layer and g = dS/dA, the derivatives of Y are exp(S) g, exp(S) g^2
and exp(S) g^3. The factor exp(S) cancels in alpha:

    alpha = g^2 / (2 g^2 + sum(A) g^3) = 1 / (2 + sum(A) g),    weight = exp(S) sum(alpha relu(g)),

It is the same for all channels, so it cancels in the weights when the map is normalised.

Differs from pytorch-grad-cam: it adds 1e-6 to alpha's denominator, which dominates if gradients are near 1e-4 (the
weights are then proportional to g^3). Here only g > 0 counts, and sum(A) >= 0 after a ReLU, so nothing is added.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor, nn

from dnrlab.explain.modes import modes_restored
from dnrlab.torchvision_guard import guard_torchvision

Array = NDArray[np.float32]


def clip_weights(activations: Array, gradients: Array) -> Array:
    """Grad-CAM++ weights (N, C) from a layer's activations and the logit's gradients, each (N, C, T, h, w).

    Activations 1 and 3 with gradients 1 and -1 have sum 4, and weight 1 / (2 + 4 * 1) = 1/6.

    Raises: ValueError if an activation is negative: the layer must end in a ReLU.
    """
    if activations.min() < 0:
        raise ValueError(
            f"expected a layer that ends in a ReLU, got an activation of {activations.min():.3g}; "
            "choose a layer after a ReLU"
        )
    positive = np.maximum(gradients, 0)
    total = activations.sum(axis=(2, 3, 4), keepdims=True)
    return np.asarray((positive / (2 + total * positive)).sum(axis=(2, 3, 4)))


def clip_gradcam(model: nn.Module, clips: Tensor, classes: Sequence[int], layer: str = "layer4") -> Tensor:
    """Where in a clip a network finds evidence for a class.

    Args:
        model: any network from clips (N, 3, T, H, W) to logits (N, classes), 2D on frames or 3D.
        clips: (N, 3, T, H, W), floating point, normalised as in training.
        classes: the class of each clip to explain, (N,).
        layer: name of a module whose output is not negative, (N*T, C, h, w) or (N, C, T', h, w).

    Returns: (N, T, H, W) in [0, 1], on the CPU. The smallest value of a clip is 0 and the largest is 1, so its frames
    are comparable. A clip without positive evidence is 0 everywhere.

    The network may be frozen, and the caller may have switched gradients off.

    Raises: ValueError if the numbers of clips and classes differ, a class does not exist, the layer is unknown, runs
    several times or has another shape, or logits or gradients are not finite.
    """
    if clips.ndim != 5 or len(clips) == 0 or len(clips) != len(classes) or not clips.is_floating_point():
        raise ValueError(
            f"expected clips (N, 3, T, H, W) of floating point and N classes, got clips {tuple(clips.shape)} of "
            f"{clips.dtype} and {len(classes)} classes; normalise the clips, give one class per clip, and put a "
            "network for images into dnrlab.models.PerFrame"
        )
    modules = dict(model.named_modules())
    if layer not in modules:
        known = [name for name in modules if name.count(".") < 1 and name]
        raise ValueError(
            f"expected a layer of the network, got {layer!r}; choose for example one of {', '.join(known)}"
        )
    try:
        with modes_restored(model), torch.inference_mode(False), torch.enable_grad():
            maps = raw_maps(model, clips.clone().requires_grad_(), classes, modules[layer])  # (N, T', h, w)
    finally:
        model.zero_grad(set_to_none=True)  # the library leaves gradients and evaluation mode behind
    if not maps.isfinite().all():
        raise ValueError("expected finite gradients, got nan or inf; train again with a lower lr, or use float32")
    heat = F.interpolate(maps[:, None], size=clips.shape[2:], mode="trilinear", align_corners=False)[:, 0]
    return scale_to_unit(heat)


def scale_to_unit(heat: Tensor) -> Tensor:
    """Maps (N, T, H, W) shifted and scaled to [0, 1] per clip; constant maps become 0."""
    low, high = heat.amin(dim=(1, 2, 3), keepdim=True), heat.amax(dim=(1, 2, 3), keepdim=True)
    return torch.where(high > low, (heat - low) / (high - low), torch.zeros_like(heat))


def raw_maps(model: nn.Module, clips: Tensor, classes: Sequence[int], layer: nn.Module) -> Tensor:
    """The maps relu(sum over channels of weight * activation), not normalised: (N, T', h, w)."""
    guard_torchvision()
    from pytorch_grad_cam import GradCAMPlusPlus
    from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients

    class FirstOutput(ActivationsAndGradients):  # type: ignore[misc]
        """Records the features of a block that returns its features and the relay."""

        def save_activation(self, module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            super().save_activation(module, inputs, output[0] if isinstance(output, tuple) else output)

        def save_gradient(self, module: nn.Module, inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            super().save_gradient(module, inputs, output[0] if isinstance(output, tuple) else output)

    class ClipGradCAMPlusPlus(GradCAMPlusPlus):  # type: ignore[misc]
        def get_cam_weights(
            self, input_tensor: Tensor, layers: object, targets: object, activations: Array, grads: Array
        ) -> Array:
            return clip_weights(activations, grads)

        def compute_cam_per_layer(self, input_tensor: Tensor, targets: object, eigen_smooth: bool) -> list[Array]:
            recorded = self.activations_and_grads  # the library would scale each frame by itself
            if len(recorded.activations) != 1 or len(recorded.gradients) != 1:
                raise ValueError(
                    f"expected the layer to run once per forward pass, with one gradient, got "
                    f"{len(recorded.activations)} runs and {len(recorded.gradients)} gradients; choose another layer"
                )
            activations, grads = recorded.activations[0].float().numpy(), recorded.gradients[0].float().numpy()
            return [np.maximum(self.get_cam_image(input_tensor, layer, targets, activations, grads), 0)]

        def aggregate_multi_layers(self, cam_per_target_layer: list[Array]) -> Array:
            return cam_per_target_layer[0]

    def logit(index: int, logits: Tensor) -> Tensor:
        if not 0 <= index < len(logits):  # the library would swallow an IndexError
            raise ValueError(f"expected a class in [0, {len(logits)}), got {index}; choose a class of the network")
        if not logits.isfinite().all():
            raise ValueError("expected finite logits, got nan or inf; the network has diverged, train with a lower lr")
        return logits[index]

    with ClipGradCAMPlusPlus(model, [layer], as_clips(len(clips))) as cam:
        cam.activations_and_grads.release()
        cam.activations_and_grads = FirstOutput(model, [layer], as_clips(len(clips)))
        return torch.from_numpy(cam(clips, [partial(logit, index) for index in classes])).float()


def as_clips(num_clips: int) -> Callable[[Tensor], Tensor]:
    """A function that turns features of a 2D network (N*T, C, h, w) into clips (N, C, T, h, w); 3D features stay."""

    def transform(features: Tensor) -> Tensor:
        if features.ndim == 5 and len(features) == num_clips:
            return features
        if features.ndim != 4 or len(features) % num_clips:
            raise ValueError(
                f"expected the layer to give (N*T, C, h, w) or (N, C, T, h, w) for N={num_clips} clips, "
                f"got {tuple(features.shape)}; choose another layer"
            )
        return rearrange(features, "(n t) c h w -> n c t h w", n=num_clips)

    return transform
