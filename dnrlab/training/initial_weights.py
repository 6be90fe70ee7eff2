"""The initial weights of a training: ImageNet weights, the weights of another run, or a file of weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from dnrlab.models.checkpoints import Loaded, load_weights
from dnrlab.models.checkpoints.load import load_converted
from dnrlab.models.own import is_own
from dnrlab.runs.folder import WEIGHTS
from dnrlab.torchvision_guard import guard_torchvision

IMAGENET = "imagenet"  # a value of initial_weights, in place of a run folder or a file


def load_initial_weights(model: nn.Module, initial_weights: str, name: str) -> Loaded:
    """Load what ``initial_weights`` of ``TrainConfig`` names into the network ``name``.

    ImageNet weights and the weights of a run are loaded without their classifier. The classifier of a file is loaded if
    it has as many classes.

    Raises: FileNotFoundError if it names nothing that exists; see also ``imagenet_weights`` and ``load_weights``.
    """
    if initial_weights == IMAGENET:
        return load_converted(model, imagenet_weights(name), classifier=False)
    path = Path(initial_weights).expanduser()
    if path.is_dir():
        return transfer_weights(model, path)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected initial_weights to be {IMAGENET!r}, a run folder or a file of weights, "
            f"got {initial_weights!r}, where there is nothing; check the path, or train that run first"
        )
    return load_weights(model, path)


def imagenet_weights(name: str) -> Mapping[str, Tensor]:
    """torchvision's weights (V1) of the ResNet in a network's name: resnet50 for ``tsm_resnet50``.

    Raises: ValueError if the network is not made from a 2D ResNet; OSError if they are not on disk and cannot be
        downloaded.
    """
    resnet = name.split("_")[-1]
    if is_own(name) or not resnet.startswith("resnet"):
        raise ValueError(
            f"expected a network of dnrlab made from a 2D ResNet, got {name}; give a file of weights, or leave "
            "initial_weights empty"
        )
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


def transfer_weights(model: nn.Module, run_dir: str | Path) -> Loaded:
    """Load the best weights of a run into ``model``, with the running statistics and without the classifier.

    Raises: FileNotFoundError if the run has no weights; ValueError if they cannot be read or belong to another network.
    """
    file = Path(run_dir) / WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(f"expected initial weights at {file}, got no such file; train that run first")
    return load_weights(model, file, classifier=False)
