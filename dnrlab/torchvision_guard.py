"""Makes ``import torchvision`` work where its compiled operators cannot be loaded.

PyPI's torchvision is a CUDA build. Beside a CPU-only torch its library does not load. ``import torchvision`` then
fails, because it registers shapes for operators that do not exist. It is enough to declare the schemas of these
operators first. Then the pure Python parts work (models, transforms.v2), and so does grad-cam, which imports
torchvision. With matching builds nothing is declared.
"""

import functools
import importlib.machinery
import importlib.util
from pathlib import Path

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@functools.cache
def guard_torchvision() -> torch.library.Library | None:
    """Declare torchvision's operators if its library does not load. Call this before anything imports torchvision.

    Returns: the library with the declarations, which the cache keeps alive, or None if nothing was missing.
    """
    if operators_load():
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    return library


def operators_load() -> bool:
    """Whether torchvision's compiled operators load with this torch. Does not import torchvision."""
    spec = importlib.util.find_spec("torchvision")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        for suffix in [*importlib.machinery.EXTENSION_SUFFIXES, ".so", ".pyd"]:
            path = Path(folder) / f"_C{suffix}"
            if path.exists():
                try:
                    torch.ops.load_library(str(path))
                except (OSError, ImportError):
                    return False
                return True
    return False
