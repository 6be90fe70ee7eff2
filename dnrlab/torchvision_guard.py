"""Lets torchvision be imported where its compiled operators cannot be loaded.

PyPI's torchvision is a CUDA build. Beside a CPU-only torch its library does not load, and ``import torchvision`` then
fails while it registers shapes for operators that do not exist. Declaring their schemas first is enough for all that
is pure Python there: models, transforms.v2, and grad-cam, which imports it. With matching builds nothing is declared.
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
    """Declare torchvision's operators if its library does not load; call it before anything imports torchvision.

    Returns the library that holds the declarations, kept alive by the cache, or None where nothing was missing.
    """
    if operators_load():
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)
    return library


def operators_load() -> bool:
    """Whether torchvision's compiled operators can be loaded beside this torch, without importing torchvision."""
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
