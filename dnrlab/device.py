"""Where work runs: device, precision, reading workers and the cache of decoded videos."""

import re
from dataclasses import dataclass

import torch

COMPILE = ("auto", "off", "default", "graphs")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """How a training, an evaluation or a survey runs on this machine.

    On a GPU networks compute in bfloat16 (``autocast``). The other fields do not change the results, except for
    rounding and, in training, the random numbers of dropout where a network is compiled.

    The device ``auto`` becomes the one that ``pick_device`` chooses.

    Raises: ValueError if the device is unknown or absent, num_workers is negative, or compile is unknown.
    """

    device: str = "cpu"  # cpu, cuda or cuda:N; auto takes a GPU if there is one
    num_workers: int = 0  # processes that read clips; 0 reads in this process
    cache_dir: str = ""  # folder that stores decoded videos; auto: runs/cache for up to 5,000 videos; '' stores none
    compile: str = "auto"  # off; default: torch.compile; graphs: also CUDA graphs; auto: for long work on a GPU
    progress: bool = False  # show a progress bar

    def __post_init__(self) -> None:
        if self.num_workers < 0:
            raise ValueError(
                f"expected num_workers of at least 0, got {self.num_workers}; give 0 to read in this process"
            )
        if self.compile not in COMPILE:
            raise ValueError(f"expected compile in {COMPILE}, got {self.compile!r}; choose one of these")
        object.__setattr__(self, "device", pick_device(self.device))  # the dataclass is frozen


def pick_device(device: str) -> str:
    """``auto`` becomes ``cuda`` where a GPU is present, else ``cpu``. ``cpu``, ``cuda`` and ``cuda:N`` stay.

    Raises: ValueError for any other name, and for an absent GPU.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ValueError(f"expected device auto, cpu, cuda or cuda:N, got {device!r}; give one of these")
    if device != "cpu" and int(device[5:] or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"expected device to be one of the {torch.cuda.device_count()} GPUs that torch sees, got {device!r}; "
            "give cpu or auto"
        )
    return device


def autocast(device: str | torch.device) -> torch.autocast:
    """A context in which convolutions and matrix products run in bfloat16 on a GPU and in float32 on a CPU."""
    kind = torch.device(device).type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=kind == "cuda")


ON_CPU = Runtime()
