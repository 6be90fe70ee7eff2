"""The weights that a training starts from: those of ImageNet, or of another run."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dnrlab.models.tdn import TDN
from dnrlab.models.weights import load_weights
from dnrlab.runs.folder import WEIGHTS
from dnrlab.torchvision_guard import guard_torchvision

IMAGENET = "imagenet"  # in place of a run folder


def imagenet_weights(name: str) -> Mapping[str, Tensor]:
    """torchvision's weights (V1) of the ResNet in a network's name: those of resnet50 for ``tsm_resnet50``.

    Raises: OSError if they can neither be found nor downloaded.
    """
    guard_torchvision()
    from torchvision.models import get_model_weights

    resnet = name.split("_")[-1]
    try:
        weights: Mapping[str, Tensor] = get_model_weights(resnet).IMAGENET1K_V1.get_state_dict(progress=False)
    except OSError as error:
        file = get_model_weights(resnet).IMAGENET1K_V1.url.rsplit("/", 1)[-1]
        folder = f"{torch.hub.get_dir()}/checkpoints"
        raise OSError(
            f"expected {file} in {folder} or a network to download it from ({error}); copy it there"
        ) from error
    return weights


def put_imagenet(model: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Put a ResNet's weights into a video network, but for its classifier; returns the names that stay random.

    Random stay what images do not have: DNR's cells, the modules of TANet and TDN, the biases that TDN's convolutions
    carry. Left out are the learned affine pairs of norms that DNR replaced. TDN's copy of layer1 takes that of layer1,
    and its stem for differences the mean over the colours of the stem.

    Raises: ValueError if a convolution differs in shape (another width or depth), naming it.
    """
    ours, taken = model.state_dict(), {}
    for name, value in weights.items():
        for own in (name, name.replace("layer1.", "layer1_difference.", 1)):
            if own in ours and not own.startswith("fc."):
                taken[own] = value
    unfit = [name for name, value in taken.items() if ours[name].shape != value.shape]
    missed = [name for name in weights if ".conv" in name and name not in taken]
    if unfit or missed or not taken:
        first = (unfit + missed + ["conv1.weight"])[0]
        raise ValueError(
            f"expected the network of the ImageNet weights, got another: {first} differs; weights of ImageNet are "
            "those of width 64"
        )
    model.load_state_dict(taken, strict=False)  # what stays random is returned
    if isinstance(model, TDN):
        model.difference.initialize_from(model.conv1)
    return [name for name, _ in model.named_parameters() if name not in taken]


CLASSIFIER = "fc."


def transfer_weights(model: nn.Module, run_dir: str | Path) -> None:
    """Put the best weights of a run into ``model``, running statistics included; its classifier stays as it is.

    Raises: FileNotFoundError if the run has no weights; ValueError if they are of another network.
    """
    file = Path(run_dir) / WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"expected trained weights to start from at {file}, found none; train that run first")
    try:
        load_weights(model, load_file(file), wanted=lambda name: not name.startswith(CLASSIFIER))
    except ValueError as error:
        raise ValueError(f"{file} is of another network; give the same model, width and dnr: {error}") from error
