"""How fast a network is trained and tested, by one process and by several, on clips of noise: reading is left out.

Source: the step is that of ``dnrlab.training``; several processes average their gradients as in a training, by
DistributedDataParallel over gloo (CPUs) or NCCL (a GPU a process). The numbers of processes take turns, so that other
work on the machine shows as spread, and not as a gain or a loss of one of them.
"""

import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from dnrlab.bench.forward import forward_pass
from dnrlab.data.transforms import normalize
from dnrlab.distributed import barrier, join, launch
from dnrlab.models.config import build_model
from dnrlab.recipes.config import Recipe
from dnrlab.training.loop import training_step
from dnrlab.training.optimizer import make_optimizer

Build = Callable[[], nn.Module]


@dataclass(frozen=True, kw_only=True)
class StepConfig:
    """What is measured. ValueError if a number is below 1 or no single process is measured first."""

    processes: tuple[int, ...] = (1, 2)  # numbers of processes, in turns; the first is 1
    batch_size: int = 1  # clips a step of each process
    num_steps: int = 2  # measured in a turn, of training and of testing each
    warmup_steps: int = 1  # before them, which do not count
    rounds: int = 3  # turns of each number of processes
    threads: int = 0  # of each process, on CPUs; 0: N processes have 1/N each of those that this one has
    num_classes: int = 400
    seed: int = 0  # of weights and clips

    def __post_init__(self) -> None:
        if self.processes[:1] != (1,) or list(self.processes) != sorted(set(self.processes)):
            raise ValueError(f"expected numbers of processes that grow from 1 on, got {self.processes}; such as (1, 2)")
        if self.threads < 0:
            raise ValueError(f"expected threads of at least 0, got {self.threads}; 0 shares out all")
        for name in ("batch_size", "num_steps", "warmup_steps", "rounds", "num_classes"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")


def process_counts(device: str) -> tuple[int, ...]:
    """Numbers of processes to measure: 1, 2, 4, … up to the number of GPUs; on CPUs 1 and 2."""
    most = torch.cuda.device_count() if device.startswith("cuda") else 2
    return tuple(2**power for power in range(most.bit_length()))


def measure_steps(recipe: Recipe, config: StepConfig, *, device: str = "cpu") -> pd.DataFrame:
    """Train and test a network of random weights in new processes of this machine.

    Clips have the recipe's shape, in training and in testing alike. On CPUs N processes share this one's threads; on
    GPUs each has its own, in bfloat16.

    Returns: a row a round, number of processes, rank and kind (``training``, ``testing``): clips, seconds that they
        took, peak_bytes (on a GPU what is allocated; elsewhere what the process holds in training since its start, and
        NaN in testing and where the system does not say).

    Raises: ValueError if there are fewer GPUs than processes.
    """
    most = max(config.processes)
    if device.startswith("cuda") and most > torch.cuda.device_count():
        raise ValueError(f"expected at most {torch.cuda.device_count()} processes, one a GPU, got {most}; lower it")
    build = partial(build_model, recipe.model, num_classes=config.num_classes, num_frames=recipe.data.num_frames)
    with torch.device("meta"):
        build()  # what is wrong with the settings is said here, not by a process that dies
    results = launch(take_turns, most, build, recipe, config, device, torch.get_num_threads(), restarts=0)
    return pd.DataFrame([row for rows in results for row in rows])


def take_turns(build: Build, recipe: Recipe, config: StepConfig, device: str, threads: int) -> list[dict[str, Any]]:
    """What each launched process does: the first N of them work, the others wait. Returns its own rows."""
    rows = []
    with join(device) as (here, own_device):
        groups = {count: dist.new_group(list(range(count))) for count in config.processes if count > 1}
        for number in range(config.rounds):
            for count in config.processes:
                barrier(here)
                if here.rank < count:
                    torch.set_num_threads(config.threads or max(threads // count, 1))
                    place = {"round": number, "processes": count, "rank": here.rank}
                    rows += [place | row for row in turn(build, recipe, config, own_device, groups.get(count))]
    return rows


def turn(
    build: Build, recipe: Recipe, config: StepConfig, device: str, group: dist.ProcessGroup | None
) -> list[dict[str, Any]]:
    """Train and test a new network for a few steps, alone or with the other processes of a group."""
    torch.manual_seed(config.seed)
    model, settings = build().to(device).train(), recipe.training
    frames, size = recipe.data.num_frames * recipe.data.frames_per_segment, recipe.data.crop_size
    clips = torch.randint(256, (config.batch_size, 3, frames, size, size), dtype=torch.uint8).to(device)
    labels = torch.randint(config.num_classes, (config.batch_size,)).to(device)
    optimizer = make_optimizer(model, settings)
    network = DistributedDataParallel(model, process_group=group) if group else model
    step = partial(training_step, network, optimizer, clips, labels, clip_norm=settings.clip_norm)
    reset_peak(device)
    trained = seconds_of(step, config, device, group) | {"kind": "training", "peak_bytes": peak_bytes(device)}
    del network, step, optimizer
    model.zero_grad(set_to_none=True)
    gc.collect()  # what outlives its process group hangs
    reset_peak(device)
    tested = seconds_of(partial(forward_pass, model.eval(), normalize(clips)), config, device, group)
    held = peak_bytes(device) if device.startswith("cuda") else float("nan")
    return [trained, tested | {"kind": "testing", "peak_bytes": held}]


def seconds_of(
    step: Callable[[], object], config: StepConfig, device: str, group: dist.ProcessGroup | None = None
) -> dict[str, Any]:
    """Clips and seconds of ``num_steps`` steps after those that warm up; the processes of a group start together."""
    for _ in range(config.warmup_steps):
        step()
    if group:
        dist.barrier(group)
    wait_for(device)
    start = time.perf_counter()
    for _ in range(config.num_steps):
        step()
    wait_for(device)
    return {"clips": config.num_steps * config.batch_size, "seconds": time.perf_counter() - start}


def wait_for(device: str) -> None:
    """Until a GPU has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def reset_peak(device: str) -> None:
    """Forget a GPU's peak."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: str) -> float:
    """Most memory at once: allocated on a GPU since ``reset_peak``; else of this process so far, as Linux says it.

    ``resource.getrusage`` will not do: a new process starts there with the peak of the one that started it.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    file = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", file.read_text()) if file.is_file() else None
    return 1024.0 * int(found[1]) if found else float("nan")
