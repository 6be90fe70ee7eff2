"""Where work runs, and in which arithmetic."""

import re

import torch


def pick_device(device: str) -> str:
    """``auto`` becomes ``cuda`` where a GPU is present and ``cpu`` elsewhere; ``cpu``, ``cuda`` and ``cuda:N`` stay.

    Raises: ValueError for any other name, and for a GPU that is not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ValueError(f"expected device auto, cpu, cuda or cuda:N, got {device!r}")
    if device != "cpu" and int(device[5:] or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"expected a GPU that torch sees, got {device!r} of {torch.cuda.device_count()}; use cpu or auto"
        )
    return device
