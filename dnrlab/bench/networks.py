"""What DNR costs: parameters, MACs and speed of networks by name, without it and with it."""

import os
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import nn

from dnrlab.bench.forward import CONTROL, measure, speeds
from dnrlab.bench.macs import macs
from dnrlab.models import create_model
from dnrlab.models.create import frames_per_segment
from dnrlab.models.weights import count_parameters
from dnrlab.relay import DNRConfig


@dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """What networks are measured on. Frames, width, classes and views are the paper's by default.

    Raises: ValueError if a number is below 1.
    """

    num_frames: int = 8  # frames a clip; of TDN segments of five frames
    crop_size: int = 224  # pixels
    width: int = 64  # channels of the stem, 64 as published
    num_classes: int = 400  # of the classifier
    batch_size: int = 1  # clips that go through a network at a time
    rounds: int = 8  # passes a network, in turns with the others
    views: int = 30  # a video, for the videos per second: 10 clips of 3 crops
    seed: int = 0  # of weights, clips and turns

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "seed" and value < 1:
                default = BenchConfig.__dataclass_fields__[name].default
                raise ValueError(f"expected {name} of at least 1, got {value}; the default is {default}")


class Costs(NamedTuple):
    """What was counted and measured; networks are called ``tsn_resnet50`` and ``tsn_resnet50 + DNR``."""

    table: pd.DataFrame  # a row a network, and one of the control
    seconds: pd.DataFrame  # a row a round and network: what the speeds come from


def measure_costs(names: Sequence[str], config: BenchConfig, *, device: str = "cpu", progress: bool = False) -> Costs:
    """Count and time networks of random weights on clips of noise, each plain and with the paper's DNR.

    The columns of the table: network, parameters, gmacs, and those of ``speeds``. The control is the first network
    beside a copy of itself.

    Raises: ValueError if there is no name, one is unknown, or one is there twice.
    """
    counts = count_costs(names, config)
    torch.manual_seed(config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    models, clips = {}, {}
    for called, name, dnr in variants(names):
        models[called] = build(name, config, dnr).to(device)
        shape = (config.num_frames * frames_per_segment(name), config.crop_size, config.crop_size)
        clips[called] = torch.randn(config.batch_size, 3, *shape, generator=generator).to(device)
    seconds = measure(models, clips, rounds=config.rounds, generator=generator, progress=progress)
    references = {called: name for called, name, dnr in variants(names) if dnr} | {CONTROL: names[0]}
    return Costs(counts.merge(speeds(seconds, references, views=config.views), on="network"), seconds)


def count_costs(names: Sequence[str], config: BenchConfig) -> pd.DataFrame:
    """Parameters and GMACs (of a view) of networks, each plain and with the paper's DNR, and of the control.

    Nothing is run. Raises: as ``measure_costs``.
    """
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected names of networks, each once, got {list(names)}; such as tsn_resnet50")
    classes, frames, size, width = config.num_classes, config.num_frames, config.crop_size, config.width
    rows = []
    for called, name, dnr in variants(names):
        with torch.device("meta"):
            learned = count_parameters(build(name, config, dnr))
        total = macs(name, num_classes=classes, num_frames=frames, size=size, width=width, dnr=dnr)
        rows.append((called, learned, total / 1e9))
    return pd.DataFrame([*rows, (CONTROL, *rows[0][1:])], columns=["network", "parameters", "gmacs"])


def variants(names: Sequence[str]) -> Iterator[tuple[str, str, DNRConfig | None]]:
    """What a network is called, its name for ``create_model``, and its DNR: for each name plain, then with DNR."""
    for name in names:
        yield name, name, None
        yield f"{name} + DNR", name, DNRConfig()


def build(name: str, config: BenchConfig, dnr: DNRConfig | None) -> nn.Module:
    """A network of the configuration's size, with random weights."""
    return create_model(name, num_classes=config.num_classes, num_frames=config.num_frames, width=config.width, dnr=dnr)


def machine(device: str = "cpu") -> dict[str, str | int]:
    """What a speed belongs to: processor or GPU, cores, threads and versions."""
    on_gpu = device.startswith("cuda")
    return {
        "processor": torch.cuda.get_device_name(device) if on_gpu else processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def processor() -> str:
    """Name of the CPU: as Linux says it, or what Python knows of it elsewhere."""
    file = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", file.read_text(encoding="utf-8")) if file.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()
