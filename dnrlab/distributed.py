"""Several processes that work on one thing: started by torchrun, or from a notebook by ``launch``.

Where a process stands among them is handed on as a value, ``World``; alone nothing here needs torch.distributed.
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

RESTARTS = 3  # times that all processes start again after one has died


@dataclass(frozen=True)
class World:
    """Where this process stands among those that work together."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether it is the one that writes files and talks."""
        return self.rank == 0


ALONE = World()


@contextmanager
def join(device: str) -> Iterator[tuple[World, str]]:
    """Join the processes that torchrun or ``launch`` started, while the block runs; any other process is alone.

    Gives this process's place, and its device: ``cuda`` becomes that of its local rank. NCCL joins GPUs, gloo CPUs.

    Raises: ValueError if there are more processes than GPUs on this machine.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ or dist.is_initialized():
        yield (World(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else ALONE), device
        return
    local, on_machine = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if device.startswith("cuda"):
        if on_machine > torch.cuda.device_count():
            raise ValueError(
                f"expected a GPU a process, got {on_machine} processes and {torch.cuda.device_count()} GPUs; "
                "start as many processes as there are GPUs, or give device cpu"
            )
        device = f"cuda:{local}"
        torch.cuda.set_device(local)
    elif "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max((os.cpu_count() or 1) // on_machine, 1))
    store, rank, count = next(rendezvous("env://"))
    # After a restart gloo would find the addresses of the dead processes in the store: each attempt has its own names.
    store = PrefixStore(f"attempt{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=count)
    yield World(rank, count), device
    dist.destroy_process_group()  # an error skips it: the others must not fail, for want of this one, before it is told


def launch(function: Callable[..., Any], count: int, *arguments: Any, restarts: int = RESTARTS) -> list[Any]:
    """Call ``function(*arguments)`` in ``count`` new processes of this machine; what each returns, in order of rank.

    The function must be importable, so that it cannot stand in a notebook, and joins by ``joined``. When a process
    dies all are started again, ``restarts`` times at most.

    Raises: ``torch.distributed.elastic.multiprocessing.errors.ChildFailedError`` if that does not help.
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
        results = elastic_launch(config, function)(*arguments)
    return [results[rank] for rank in range(count)]


@contextmanager
def restored_signals() -> Iterator[None]:
    """Put back what this process does on signals; elastic_launch leaves its own, which end a kernel with an error."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
    kept = {name: signal.getsignal(getattr(signal, name)) for name in names if hasattr(signal, name)}
    try:
        yield
    finally:
        for name, handler in kept.items():
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
    """What each process gives, in order of rank, in each of them."""
    if world.size == 1:
        return [value]
    values: list[Any] = [None] * world.size
    dist.all_gather_object(values, value)
    return values


def barrier(world: World) -> None:
    """Go on when every process has come here."""
    if world.size > 1:
        dist.barrier()


def broadcast(value: Any, world: World) -> Any:
    """What the first process gives, in each of them; it goes out once, and what the others give is not looked at."""
    if world.size == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]
