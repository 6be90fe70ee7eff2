"""The initial weights of a training: ImageNet weights, or the weights of another run."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dnrlab.files import explain_read_errors
from dnrlab.models.tdn import TDN
from dnrlab.models.weights import load_weights
from dnrlab.runs.folder import DAMAGED_RUN, WEIGHTS
from dnrlab.torchvision_guard import guard_torchvision

IMAGENET = "imagenet"  # a value of initial_weights, in place of a run folder


def imagenet_weights(name: str) -> Mapping[str, Tensor]:
    """torchvision's weights (V1) of the ResNet in a network's name: resnet50 for ``tsm_resnet50``.

    Raises: ValueError if the network is not made from a 2D ResNet; OSError if they are not on disk and cannot be
        downloaded.
    """
    resnet = name.split("_")[-1]
    if not resnet.startswith("resnet"):
        raise ValueError(f"expected a network made from a 2D ResNet, got {name}; leave initial_weights empty")
    guard_torchvision()
    from torchvision.models import get_model_weights

    try:
        weights: Mapping[str, Tensor] = get_model_weights(resnet).IMAGENET1K_V1.get_state_dict(progress=False)
    except OSError as error:
        file = get_model_weights(resnet).IMAGENET1K_V1.url.rsplit("/", 1)[-1]
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise OSError(
            f"expected {file} in {folder}, got no such file and no download ({error}); copy the file there"
        ) from error
    return weights


def put_imagenet(model: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Load a ResNet's weights into a video network, without the classifier.

    Kernels of a 3D network are inflated: the 2D kernel is repeated over the k frames and divided by k, so a clip of
    equal frames has the features of one of them. Tensors that a network for images does not have stay random: DNR's
    cells, the modules of TANet and TDN, and the biases of TDN's convolutions. The affine parameters of norms that DNR
    replaced are not loaded. TDN's copy of layer1 takes the weights of layer1. TDN's stem for differences takes the
    stem's weights, averaged over the colours.

    Returns: the names of the parameters that stay random.

    Raises: ValueError that names a convolution of another shape (another width or depth).
    """
    target, loaded = model.state_dict(), {}
    for name, value in weights.items():
        for target_name in (name, name.replace("layer1.", "layer1_difference.", 1)):
            if target_name in target and not target_name.startswith("fc."):
                loaded[target_name] = inflated(value, target[target_name])
    unfit = [name for name, value in loaded.items() if target[name].shape != value.shape]
    missed = [name for name in weights if ".conv" in name and name not in loaded]
    if unfit or missed or not loaded:
        first = (unfit + missed + ["conv1.weight"])[0]
        raise ValueError(
            f"expected the network of the ImageNet weights, got another: {first} differs; "
            "give width 64 and the same depth"
        )
    model.load_state_dict(loaded, strict=False)  # not strict: the other tensors stay random
    if isinstance(model, TDN):
        model.difference.initialize_from(model.conv1)
    return [name for name, _ in model.named_parameters() if name not in loaded]


def inflated(kernel: Tensor, target: Tensor) -> Tensor:
    """A 2D kernel (O, I, h, w) as a 3D one (O, I, k, h, w), if ``target`` is one; other tensors as they are."""
    if kernel.ndim != 4 or target.ndim != 5:
        return kernel
    frames = target.shape[2]
    return kernel[:, :, None].expand(-1, -1, frames, -1, -1) / frames


CLASSIFIER = "fc."


def transfer_weights(model: nn.Module, run_dir: str | Path) -> None:
    """Load the best weights of a run into ``model``, with the running statistics and without the classifier.

    Raises: FileNotFoundError if the run has no weights; ValueError if they cannot be read or belong to another network.
    """
    file = Path(run_dir) / WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"expected initial weights at {file}, got no such file; train that run first")
    with explain_read_errors(file, DAMAGED_RUN):
        tensors = load_file(file)
    try:
        load_weights(model, tensors, wanted=lambda name: not name.startswith(CLASSIFIER))
    except ValueError as error:
        raise ValueError(
            f"expected {file} to hold weights of this network, got those of another network: {error}\n"
            "give the same model, width and dnr"
        ) from error
