"""Which layer of a network a heat map is drawn from, if nobody chose one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dnrlab.explain.modes import modes_restored
from dnrlab.runs.load import Run

CELLS = 6  # per side of a map that shows where


class MapSize(NamedTuple):
    """The smaller side of a layer's maps, in cells."""

    layer: str
    cells: int


def sharp_layer(run: Run) -> str:
    """The last layer of a run's network with maps of at least 6 x 6 cells, for clips of the run's size.

    Late layers carry more meaning, early layers are sharper. For a 2D ResNet it is layer4 at 224 pixels and layer2 at
    48. Layers are the children of the network, else their children, and so on. They must not have negative values.
    If all maps are smaller, it is the last of the layers with the largest maps.

    Raises: ValueError if no layer has maps.
    """
    data = run.recipe.data
    device = next((each.device for each in run.model.parameters()), torch.device("cpu"))
    frames = data.num_frames * data.frames_per_segment
    generator = torch.Generator().manual_seed(0)
    clip = torch.rand(1, 3, frames, data.crop_size, data.crop_size, generator=generator)
    sizes = map_sizes(run.model, clip.to(device))
    if not sizes:
        raise ValueError(
            f"expected a layer with maps that are not negative in {type(run.model).__name__}, got none; "
            "give layer, the name of a module after a ReLU"
        )
    sharp = [size for size in sizes if size.cells >= CELLS]
    return last_of_the_outermost(sharp or [size for size in sizes if size.cells == max(each.cells for each in sizes)])


def last_of_the_outermost(sizes: Sequence[MapSize]) -> str:
    """Of the layers with the fewest dots in their names, the last."""
    depth = min(size.layer.count(".") for size in sizes)
    return [size.layer for size in sizes if size.layer.count(".") == depth][-1]


@torch.inference_mode()
def map_sizes(model: nn.Module, clip: Tensor) -> list[MapSize]:
    """The layers whose output is a map without negative values, in the order in which they end.

    Layers without parameters, such as pooling, count only if there are no others.
    """
    found: list[tuple[bool, MapSize]] = []
    handles = []
    for name, module in model.named_modules():

        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any, name: str = name) -> None:
            features = output[0] if isinstance(output, tuple) and output else output
            if isinstance(features, Tensor) and features.ndim in (4, 5) and features.min() >= 0:
                has_weights = any(True for _ in module.parameters())
                found.append((has_weights, MapSize(name, min(features.shape[-2:]))))

        if name:
            handles.append(module.register_forward_hook(hook))
    try:
        with modes_restored(model):
            model.eval()(clip)
    finally:
        for handle in handles:
            handle.remove()
    learned = [size for has_weights, size in found if has_weights]
    return learned or [size for _, size in found]
