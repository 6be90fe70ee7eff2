"""Rename the tensors of a file to those of a network; every name on both sides is accounted for."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from dnrlab.models.checkpoints.maps import CLASSIFIER, LSTM, Source, renamed, source_of
from dnrlab.models.checkpoints.misfits import check_fit, check_temporal
from dnrlab.models.checkpoints.network import Network, Part

PREFIXES = ("module.", "backbone.", "base_model.")
STEM, STEM_OF_DIFFERENCES = "conv1.weight", "difference.conv.weight"
LAYER1, COPY_OF_LAYER1 = "layer1.", "layer1_difference."
COUNTER = "num_batches_tracked"  # old files have none


class Converted(NamedTuple):
    """What a file gives to a network."""

    source: str  # where the names are from
    tensors: dict[str, Tensor]  # by the network's names
    anew: tuple[str, ...]  # tensors of the network that stay as they are
    dropped: tuple[str, ...]  # tensors of the file that are not used, by the file's names


def convert(file: Mapping[str, Tensor], network: Network, *, classifier: bool = True) -> Converted:
    """The tensors of ``file`` under the names of ``network``, in its shapes.

    2D kernels are inflated for 3D convolutions. TDN's copy of layer1 takes layer1, and its stem for differences the
    mean of the stem over the colours, if the file has none of these.

    Args:
        file: tensors by their original names; see ``maps`` for the prefixes.
        classifier: False: the classifier starts anew in any case. True: if the file has none, or other classes.

    Raises: ValueError that names every tensor that does not fit.
    """
    check_values(file)
    whole = all(name.removeprefix("module.").startswith(network.around) for name in file)
    around = "" if whole else network.around  # a file of this network has its wrapper's name, another file has not
    plain = without_prefixes(file, {name.removeprefix(around) for name in network.shapes})
    unknown = [name for name in plain if around + name not in network.shapes]
    source = source_of(unknown)
    check_temporal(unknown, source, network)
    names: dict[str, str] = {}
    for name, old in plain.items():
        new = renamed(name, source.table)
        if new is not None and around + new in names:
            raise ValueError(
                f"expected one tensor for {new} in the file, got {names[around + new]} and {old}; remove one"
            )
        if new is not None:
            names[around + new] = old
    names = {**copied_from_layer1(names, network.shapes), **names}
    replaced = names.keys() & network.replaced
    names = {new: old for new, old in names.items() if new not in replaced}
    tensors = {new: inflated(file[old], network.shapes.get(new, ())) for new, old in names.items()}
    for part in network.parts:
        if part.kind == CLASSIFIER and (not classifier or other_classes(part, tensors, network.shapes)):
            tensors = {name: tensor for name, tensor in tensors.items() if name not in part.names}
    anew = [name for part in network.parts if starts_anew(part, source, tensors, replaced) for name in part.names]
    if STEM_OF_DIFFERENCES in anew and STEM in tensors:
        tensors[STEM_OF_DIFFERENCES] = over_differences(tensors[STEM], network.shapes[STEM_OF_DIFFERENCES])
        anew.remove(STEM_OF_DIFFERENCES)
    expected = {name: shape for name, shape in network.shapes.items() if name not in anew}
    expected = {name: shape for name, shape in expected.items() if not name.endswith(COUNTER) or name in tensors}
    check_fit(expected, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, source)
    used = {names[name] for name in tensors if name in names}
    return Converted(source.name, tensors, tuple(anew), tuple(name for name in file if name not in used))


def check_values(file: Mapping[str, Tensor]) -> None:
    """ValueError that names a tensor that is quantized, or has nan or inf."""
    for name, tensor in file.items():
        if tensor.is_quantized or tensor.dtype in (torch.int8, torch.uint8):
            raise ValueError(
                f"expected floating point, got {tensor.dtype} in {name}; give weights without quantization"
            )
        if not tensor.is_meta and not tensor.isfinite().all():
            raise ValueError(
                f"expected finite weights, got nan or inf in {name}; give weights of a training that converged"
            )


def without_prefixes(file: Collection[str], ours: Collection[str]) -> dict[str, str]:
    """The names in a file by what is left of them without ``PREFIXES``. A prefix of the network's own names stays.

    Raises: ValueError if two tensors have the same name without prefixes.
    """
    strip = [prefix for prefix in PREFIXES if not any(name.startswith(prefix) for name in ours)]
    plain: dict[str, str] = {}
    for name in file:
        short = name
        while prefix := next((each for each in strip if short.startswith(each)), ""):
            short = short.removeprefix(prefix)
        if short in plain:
            raise ValueError(
                f"expected one tensor {short} in the file, got {plain[short]} and {name}; remove one of them"
            )
        plain[short] = name
    return plain


def copied_from_layer1(names: Mapping[str, str], ours: Collection[str]) -> dict[str, str]:
    """The names for TDN's copy of layer1, which takes the tensors of layer1. Empty if the file has the copy itself."""
    if any(name.startswith(COPY_OF_LAYER1) for name in names):
        return {}
    layer1 = {name.replace(LAYER1, COPY_OF_LAYER1, 1): old for name, old in names.items() if name.startswith(LAYER1)}
    return {name: old for name, old in layer1.items() if name in ours}


def inflated(kernel: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A 2D kernel (O, I, h, w) as a 3D one (O, I, k, h, w), if ``shape`` is of one; other tensors as they are.

    It is repeated over the k frames and divided by k, so that a clip of equal frames has the features of one of them.
    """
    if kernel.ndim != 4 or len(shape) != 5:
        return kernel
    frames = shape[2]
    return kernel[:, :, None].expand(-1, -1, frames, -1, -1) / frames


def over_differences(stem: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The mean of the stem's kernel (C, 3, 7, 7) over the colours, for each channel of differences: (C, 12, 7, 7)."""
    return stem.mean(dim=1, keepdim=True).expand(-1, shape[1], -1, -1)


def other_classes(part: Part, tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the file has the whole classifier, for the same features and another number of classes."""
    if not all(name in tensors for name in part.names):
        return False
    both = [(tuple(tensors[name].shape), shapes[name]) for name in part.names]
    return all(got[1:] == ours[1:] for got, ours in both) and all(got[0] != ours[0] for got, ours in both)


def starts_anew(part: Part, source: Source, tensors: Collection[str], replaced: Collection[str]) -> bool:
    """Whether a part that the file has not at all may start anew."""
    if part.kind not in source.anew or any(name in tensors for name in part.names):
        return False
    return part.kind != LSTM or any(f"{norm}.weight" in replaced for norm in part.norms)
