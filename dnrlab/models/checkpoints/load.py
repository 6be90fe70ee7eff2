"""Load weights from elsewhere into a network."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from dnrlab.models.checkpoints.convert import convert
from dnrlab.models.checkpoints.misfits import in_short
from dnrlab.models.checkpoints.network import describe
from dnrlab.models.checkpoints.read import read_tensors


class Loaded(NamedTuple):
    """What a file gave to a network, and what it did not. Printed, it is one paragraph."""

    source: str  # whose names the file has
    loaded: tuple[str, ...]  # tensors of the network
    anew: tuple[str, ...]  # tensors of the network that stay as they were, at random in a fresh network
    dropped: tuple[str, ...]  # tensors of the file that are not used

    def __str__(self) -> str:
        anew, dropped = (f" ({in_short(modules_of(names))})" if names else "" for names in (self.anew, self.dropped))
        return (
            f"{len(self.loaded)} tensors loaded, by the names of {self.source}; "
            f"{len(self.anew)} start anew{anew}; {len(self.dropped)} dropped{dropped}"
        )


def load_weights(model: nn.Module, file: str | Path, *, classifier: bool = True) -> Loaded:
    """Load a file of weights into a network, whoever published it.

    The names in the file say where it is from: torchvision (ResNets for images, inflated in 3D networks, and networks
    for video), MMAction2 (TSN, TSM, TANet), the repositories of TSM, TANet and TDN, the authors' release of DNR, or
    dnrlab itself. A network made elsewhere takes files with its own names. ``maps`` lists the names.

    A network with more than the file has starts from it. DNR's LSTMs start anew in place of affine pairs, which are
    dropped; the running statistics stay. TSM, TANet and TDN start from a TSN or an image network: their own modules,
    and the shift, start anew. The classifier is loaded if it has as many classes.

    Some settings have no tensors, so they cannot be checked: TDN's number of segments (a file of 16 fits a network of
    8, whose weights a and b differ), and whether a run of dnrlab was with shift or interlacing.

    Args:
        model: a network on any device.
        file: ``.safetensors``, or a file of ``torch.save`` with tensors and plain values only. State dicts under the
            key ``state_dict`` or ``model_state``, and names that begin with ``module.`` or ``backbone.``, are fine.
        classifier: False: the classifier starts anew even if it fits.

    Returns: where the names are from, and which tensors were loaded, start anew and were dropped.

    Raises: FileNotFoundError if there is no such file; ValueError if the file cannot be read or holds Python objects,
        or if it is not of this network: it lists the tensors that do not fit. The network is then unchanged.
    """
    tensors = read_tensors(file)
    try:
        return load_converted(model, tensors, classifier=classifier)
    except ValueError as error:
        raise ValueError(f"{file} does not fit this network: {error}") from error


def load_converted(model: nn.Module, tensors: Mapping[str, Tensor], *, classifier: bool = True) -> Loaded:
    """Load tensors by their original names; see ``load_weights``."""
    converted = convert(tensors, describe(model), classifier=classifier)
    model.load_state_dict(converted.tensors, strict=False)  # ``convert`` has accounted for the others
    return Loaded(converted.source, tuple(converted.tensors), converted.anew, converted.dropped)


def modules_of(names: Sequence[str]) -> list[str]:
    """The module of each tensor: ``fc`` of ``fc.weight``; for what is in an LSTM or a temporal module, that one."""
    outer = [re.sub(r"(\.inside|\.lstm\w*)\..*", r"\1.", name) for name in names]
    return [name.rpartition(".")[0] or name for name in outer]
