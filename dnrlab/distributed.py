"""Several processes that share one job: started by torchrun, or from a notebook by ``launch``.

Rank and world size are passed on as a value, ``World``. A single process does not need torch.distributed.
"""

import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from dnrlab.parent import end_with_parent

RESTARTS = 3  # of all processes, after one has died


@dataclass(frozen=True)
class World:
    """Rank of this process, and number of processes that share the job."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and the log: rank 0."""
        return self.rank == 0


ALONE = World()


@contextmanager
def join(device: str) -> Iterator[tuple[World, str]]:
    """Join the process group of torchrun or ``launch`` while the block runs. A process of neither gets ``ALONE``.

    Yields the ``World`` and the device of this process: ``cuda`` becomes the GPU of its local rank. The backend is NCCL
    on GPUs and gloo on CPUs.

    Raises: ValueError if this machine has more processes than GPUs.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or dist.is_initialized():
        yield (World(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else ALONE), device
        return
    local_rank, local_size = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if device.startswith("cuda"):
        if local_size > torch.cuda.device_count():
            raise ValueError(
                f"expected one GPU per process, got {local_size} processes and {torch.cuda.device_count()} GPUs; "
                "start as many processes as there are GPUs, or give device cpu"
            )
        device = f"cuda:{local_rank}"
        torch.cuda.set_device(local_rank)
    elif "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max((os.cpu_count() or 1) // local_size, 1))
    store, rank, size = next(rendezvous("env://"))
    # After a restart gloo would find the addresses of dead processes in the store. A prefix per attempt hides them.
    store = PrefixStore(f"attempt{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    yield World(rank, size), device
    dist.destroy_process_group()  # not after an error: the other ranks would fail first and hide this rank's error


def launch(function: Callable[..., Any], count: int, *arguments: Any, restarts: int = RESTARTS) -> list[Any]:
    """Call ``function(*arguments)`` in ``count`` new processes of this machine.

    The function must be importable, so it cannot be defined in a notebook. It calls ``join``. When a process dies, all
    processes are started again, at most ``restarts`` times.

    Returns: what each process returned, in order of rank.

    Raises: ``torch.distributed.elastic.multiprocessing.errors.ChildFailedError`` if a process still dies after that.
    """
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=restarts,
        monitor_interval=0.5,
        start_method="spawn",
    )
    with restored_signals():
        results = elastic_launch(config, work)(os.getpid(), function, *arguments)
    return [results[rank] for rank in range(count)]


def work(parent: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process that ends with ``parent``, which started it, however that ends."""
    end_with_parent(parent)
    return function(*arguments)


@contextmanager
def restored_signals() -> Iterator[None]:
    """Restore the signal handlers of this process. elastic_launch leaves its own, which end a kernel with an error."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set signal handlers
        yield
        return
    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
    handlers = {name: signal.getsignal(getattr(signal, name)) for name in names if hasattr(signal, name)}
    try:
        yield
    finally:
        for name, handler in handlers.items():
            if handler is not None:  # not set from Python
                signal.signal(getattr(signal, name), handler)


def all_sum(values: Tensor, world: World) -> Tensor:
    """The sum of a tensor over all processes, in each of them."""
    if world.size == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total


def all_gather(value: Any, world: World) -> list[Any]:
    """The values of all processes, in order of rank, in each of them."""
    if world.size == 1:
        return [value]
    values: list[Any] = [None] * world.size
    dist.all_gather_object(values, value)
    return values


def barrier(world: World) -> None:
    """Wait until every process has called this."""
    if world.size > 1:
        dist.barrier()


def broadcast(value: Any, world: World) -> Any:
    """The value of rank 0, in every process. The values of the other ranks are ignored."""
    if world.size == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]
