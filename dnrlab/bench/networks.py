"""The cost of DNR: parameters, MACs and speed of networks by name, without and with DNR."""

import os
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import nn

from dnrlab.bench.macs import macs
from dnrlab.bench.rounds import CONTROL, measure, speeds
from dnrlab.bench.work import TASKS, TREATMENTS, prepare
from dnrlab.models import create_model
from dnrlab.models.create import frames_per_segment
from dnrlab.models.weights import count_parameters
from dnrlab.relay import DNRConfig


@dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """What networks are measured on. The defaults of frames, width, classes and views are the paper's.

    Raises: ValueError if a number is below 1, or a treatment or task is unknown.
    """

    num_frames: int = 8  # frames per clip; for TDN, segments of five frames
    crop_size: int = 224  # side of the frames, pixels
    width: int = 64  # channels of the stem; the published networks have 64
    num_classes: int = 400  # classes of the classifier
    batch_size: int = 1  # clips that go through a network at a time
    treatments: tuple[str, ...] = ("eager", "folded")  # also compiled, and graphs (on a GPU); these take minutes
    tasks: tuple[str, ...] = ("forward", "step")  # forward passes as in an evaluation; steps of a training
    rounds: int = 8  # measured turns of each work
    views: int = 30  # views per video, for the videos per second: 10 clips of 3 crops
    seed: int = 0  # seed of weights, clips and turns

    def __post_init__(self) -> None:
        for name, choices in (("treatments", TREATMENTS), ("tasks", TASKS)):
            given = getattr(self, name)
            if not given or not {*given} <= {*choices} or len({*given}) < len(given):
                raise ValueError(f"expected {name} in {choices}, each once, got {given}; choose one or more of these")
        for name, value in vars(self).items():
            if isinstance(value, int) and name != "seed" and value < 1:
                default = BenchConfig.__dataclass_fields__[name].default
                raise ValueError(f"expected {name} of at least 1, got {value}; the default is {default}")


class Costs(NamedTuple):
    """Counts and measurements. Networks are named ``tsn_resnet50`` and ``tsn_resnet50 + DNR``."""

    table: pd.DataFrame  # one row per network, treatment and task; the control is one of the networks
    seconds: pd.DataFrame  # one row per round, network, treatment and task, from ``measure``


def measure_costs(names: Sequence[str], config: BenchConfig, *, device: str = "cpu", progress: bool = False) -> Costs:
    """Count and time networks with random weights on clips of noise, each plain and with the paper's DNR.

    The table has columns network, parameters, gmacs, and the columns of ``speeds``. The control compares the first
    network with a copy of itself, under every treatment. The log says what is compiled and how long it takes.

    Raises: ValueError if there is no name, a name is unknown, or a name is given twice.
    """
    counts = count_costs(names, config)
    generator = torch.Generator().manual_seed(config.seed)
    works = []
    for treatment, task in product(config.treatments, config.tasks):
        if (treatment, task) != ("folded", "step"):
            for label, name, dnr in neighbours(names):
                torch.manual_seed(config.seed)
                shape = (config.num_frames * frames_per_segment(name), config.crop_size, config.crop_size)
                clips = torch.rand(config.batch_size, 3, *shape, generator=generator).to(device)
                works.append(prepare(label, build(name, config, dnr).to(device), clips, treatment, task))
    seconds = measure(works, rounds=config.rounds, generator=generator, progress=progress)
    references = {label: name for label, name, dnr in variants(names) if dnr} | {CONTROL: names[0]}
    return Costs(counts.merge(speeds(seconds, references, views=config.views), on="network"), seconds)


def joined_costs(names: Sequence[str], config: BenchConfig, parts: Sequence[pd.DataFrame]) -> Costs:
    """The measurements of several calls of ``measure_costs`` as one with more rounds. ``parts`` are their seconds.

    Raises: ValueError if a call measured other networks.
    """
    known = {*(label for label, _, _ in variants(names)), CONTROL}
    seconds = []
    for number, part in enumerate(parts):
        if set(part["network"]) != known:
            raise ValueError(
                f"expected measurements of {', '.join(sorted(known))}, got {', '.join(sorted(set(part['network'])))}; "
                "give the networks that were measured"
            )
        seconds.append(part.assign(round=part["round"] + number * (max(each["round"].max() for each in parts) + 1)))
    joined = pd.concat(seconds, ignore_index=True)
    references = {label: name for label, name, dnr in variants(names) if dnr} | {CONTROL: names[0]}
    return Costs(count_costs(names, config).merge(speeds(joined, references, views=config.views), on="network"), joined)


def time_per_frame(
    names: Sequence[str], config: BenchConfig, frames: Sequence[int], *, device: str = "cpu", progress: bool = False
) -> pd.DataFrame:
    """``measure_costs`` for several numbers of frames per clip.

    Returns: its table for each of them, with columns num_frames and seconds_per_frame.
    """
    tables = []
    for count in frames:
        costs = measure_costs(names, replace(config, num_frames=count), device=device, progress=progress)
        tables.append(costs.table.assign(num_frames=count, seconds_per_frame=costs.table["seconds"] / count))
    return pd.concat(tables, ignore_index=True)


def count_costs(names: Sequence[str], config: BenchConfig) -> pd.DataFrame:
    """Parameters and GMACs (of a view) of networks, each plain and with the paper's DNR, and of the control.

    No network is run.

    Raises: see ``measure_costs``.
    """
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected names of networks, each once, got {list(names)}; give names such as tsn_resnet50")
    classes, frames, size, width = config.num_classes, config.num_frames, config.crop_size, config.width
    rows = []
    for label, name, dnr in variants(names):
        with torch.device("meta"):
            learned = count_parameters(build(name, config, dnr))
        total = macs(name, num_classes=classes, num_frames=frames, size=size, width=width, dnr=dnr)
        rows.append((label, learned, total / 1e9))
    return pd.DataFrame([*rows, (CONTROL, *rows[0][1:])], columns=["network", "parameters", "gmacs"])


def variants(names: Sequence[str]) -> Iterator[tuple[str, str, DNRConfig | None]]:
    """Name in the table, name for ``create_model``, and DNR: first the plain network of each name, then with DNR."""
    for name in names:
        yield name, name, None
        yield f"{name} + DNR", name, DNRConfig()


def neighbours(names: Sequence[str]) -> list[tuple[str, str, DNRConfig | None]]:
    """``variants`` and the control, in an order in which each has the network that it is compared with beside it."""
    plain, relayed, *others = variants(names)
    return [relayed, plain, (CONTROL, names[0], None), *others]


def build(name: str, config: BenchConfig, dnr: DNRConfig | None) -> nn.Module:
    """A network with the sizes of the configuration and random weights."""
    return create_model(name, num_classes=config.num_classes, num_frames=config.num_frames, width=config.width, dnr=dnr)


def machine(device: str = "cpu") -> dict[str, str | int]:
    """The machine of a measurement: processor or GPU, cores, threads and versions."""
    on_gpu = device.startswith("cuda")
    return {
        "processor": torch.cuda.get_device_name(device) if on_gpu else processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def processor() -> str:
    """Name of the CPU, from Linux or else from Python."""
    file = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", file.read_text(encoding="utf-8")) if file.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()
