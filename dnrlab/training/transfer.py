"""Starting from the weights of another run: everything but the classifier."""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from dnrlab.models.weights import load_weights

CLASSIFIER = "fc."


def transfer_weights(model: nn.Module, run_dir: str | Path) -> None:
    """Put the best weights of a run into ``model``, running statistics included; its classifier stays as it is.

    Raises: FileNotFoundError if the run has no weights; ValueError if they are of another network.
    """
    file = Path(run_dir) / "best.safetensors"
    if not file.is_file():
        raise FileNotFoundError(f"expected trained weights to start from at {file}, found none; train that run first")
    try:
        load_weights(model, load_file(file), wanted=lambda name: not name.startswith(CLASSIFIER))
    except ValueError as error:
        raise ValueError(f"{file} is of another network; give the same model, width and dnr: {error}") from error
