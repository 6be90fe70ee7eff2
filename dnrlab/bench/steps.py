"""How fast one or several processes train and test a network on clips of noise. Reading is not measured.

The training step is ``dnrlab.training.loop.training_step``. Several processes average their gradients as in a training,
by DistributedDataParallel over gloo (CPUs) or NCCL (one GPU per process). The numbers of processes take turns. So other
work on the machine widens the spread of all numbers, and does not slow down only one.
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

from dnrlab.bench.work import forward_pass
from dnrlab.compiling import LONG_STEPS, how_to_compile
from dnrlab.data.transforms import normalize
from dnrlab.device import COMPILE
from dnrlab.distributed import barrier, join, launch
from dnrlab.models.config import build_model
from dnrlab.recipes.config import Recipe
from dnrlab.training.loop import NetworkLoss, training_step
from dnrlab.training.optimizer import make_optimizer

Build = Callable[[], nn.Module]
IN_TEST = {"off": "folded", "default": "compiled", "graphs": "graphs"}  # treatments in a test


@dataclass(frozen=True, kw_only=True)
class StepConfig:
    """What is measured.

    Raises: ValueError that names a field out of range.
    """

    processes: tuple[int, ...] = (1, 2)  # numbers of processes that take turns, ascending from 1
    batch_size: int = 1  # clips per step of each process
    num_steps: int = 2  # measured steps per turn, for training and for testing
    warmup_steps: int = 1  # steps before them that are not measured
    rounds: int = 3  # turns of each number of processes
    threads: int = 0  # threads of each process on CPUs; 0: N processes share the threads of this process
    num_classes: int = 400  # classes of the classifier
    seed: int = 0  # seed of weights and clips
    compile: str = "off"  # off, default or graphs, see dnrlab.compiling; auto: as in a long training

    def __post_init__(self) -> None:
        if self.compile not in COMPILE:
            raise ValueError(f"expected compile in {COMPILE}, got {self.compile!r}; choose one of these")
        if self.processes[:1] != (1,) or list(self.processes) != sorted(set(self.processes)):
            raise ValueError(f"expected processes that ascend from 1, got {self.processes}; give such as (1, 2)")
        if self.threads < 0:
            raise ValueError(f"expected threads of at least 0, got {self.threads}; give 0 to share all threads")
        for name in ("batch_size", "num_steps", "warmup_steps", "rounds", "num_classes"):
            if getattr(self, name) < 1:
                default = StepConfig.__dataclass_fields__[name].default
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}; the default is {default}")


def process_counts(device: str) -> tuple[int, ...]:
    """Numbers of processes to measure: 1, 2, 4, … up to the number of GPUs; on CPUs 1 and 2."""
    most = torch.cuda.device_count() if device.startswith("cuda") else 2
    return tuple(2**power for power in range(most.bit_length()))


def measure_steps(recipe: Recipe, config: StepConfig, *, device: str = "cpu") -> pd.DataFrame:
    """Train and test a network with random weights in new processes of this machine.

    Training and test clips have the recipe's shape. On CPUs N processes share the threads of this process. On GPUs each
    process has its own GPU and runs in bfloat16.

    Returns: one row per round, number of processes, rank and kind (``training``, ``testing``): clips, seconds for these
        clips, peak_bytes (on a GPU the allocated memory; elsewhere the peak of the process since its start for
        training, and NaN for testing or if the system does not report it).

    Raises: ValueError if there are fewer GPUs than processes.
    """
    most = max(config.processes)
    if device.startswith("cuda") and most > torch.cuda.device_count():
        raise ValueError(
            f"expected processes of at most {torch.cuda.device_count()}, one per GPU, got {most}; leave {most} out"
        )
    build = partial(build_model, recipe.model, num_classes=config.num_classes, num_frames=recipe.data.num_frames)
    with torch.device("meta"):
        build()  # wrong settings raise their error here, and not in a process that dies
    results = launch(take_turns, most, build, recipe, config, device, torch.get_num_threads(), restarts=0)
    return pd.DataFrame([row for rows in results for row in rows])


def take_turns(build: Build, recipe: Recipe, config: StepConfig, device: str, threads: int) -> list[dict[str, Any]]:
    """The work of one launched process. In each turn the first N ranks work and the others wait. Returns its rows."""
    rows = []
    with join(device) as (world, rank_device):
        groups = {count: dist.new_group(list(range(count))) for count in config.processes if count > 1}
        for round_index in range(config.rounds):
            for count in config.processes:
                barrier(world)
                if world.rank < count:
                    torch.set_num_threads(config.threads or max(threads // count, 1))
                    keys = {"round": round_index, "processes": count, "rank": world.rank}
                    rows += [keys | row for row in turn(build, recipe, config, rank_device, groups.get(count))]
    return rows


def turn(
    build: Build, recipe: Recipe, config: StepConfig, device: str, group: dist.ProcessGroup | None
) -> list[dict[str, Any]]:
    """Train and test a new network for a few steps, alone or with the other processes of the group."""
    torch.manual_seed(config.seed)
    model, settings = build().to(device).train(), recipe.training
    frames, size = recipe.data.num_frames * recipe.data.frames_per_segment, recipe.data.crop_size
    clips = torch.randint(256, (config.batch_size, 3, frames, size, size), dtype=torch.uint8).to(device)
    labels = torch.randint(config.num_classes, (config.batch_size,)).to(device)
    optimizer = make_optimizer(model, settings)
    whole, how = NetworkLoss(model), how_to_compile(config.compile, device, LONG_STEPS)
    whole.compile_for(clips, labels, how)
    network = DistributedDataParallel(whole, process_group=group) if group else whole
    step = partial(training_step, network, optimizer, clips, labels, clip_norm=settings.clip_norm)
    reset_peak(device)
    trained = seconds_of(step, config, device, group) | {"kind": "training", "peak_bytes": peak_bytes(device)}
    del network, whole, step, optimizer
    model.eval().zero_grad(set_to_none=True)
    gc.collect()  # a DistributedDataParallel that outlives its process group hangs
    reset_peak(device)
    test = forward_pass(model, normalize(clips), IN_TEST[how], "the network")
    tested = seconds_of(test, config, device, group)
    test_peak = peak_bytes(device) if device.startswith("cuda") else float("nan")
    return [trained, tested | {"kind": "testing", "peak_bytes": test_peak}]


def seconds_of(
    step: Callable[[], object], config: StepConfig, device: str, group: dist.ProcessGroup | None = None
) -> dict[str, Any]:
    """Clips and seconds of ``num_steps`` steps after the warm-up. The processes of a group start together."""
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
    """Wait until a GPU has finished its work."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def reset_peak(device: str) -> None:
    """Reset the peak memory of a GPU."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: str) -> float:
    """Peak memory: allocated on a GPU since ``reset_peak``, else of this process so far, from Linux (nan elsewhere).

    ``resource.getrusage`` is not used, because it starts with the peak of the parent process.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    file = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", file.read_text()) if file.is_file() else None
    return 1024.0 * int(found[1]) if found else float("nan")
