"""Limits of the machine: open files, memory, and memory that processes share."""

import errno
import os
import re
from contextlib import suppress
from pathlib import Path

SHARED = Path("/dev/shm")  # where Linux keeps memory that processes share
MOST = 10_240  # where the system names no limit; macOS allows so many
FEWEST = 128  # open files that a command may need
LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
AHEAD = 2  # batches that a loader's worker reads ahead; torch's default
LOWER = "lower batch_size, num_frames, crop_size or num_workers where the command has them, or end other programs"
NO_MEMORY = re.compile(r"DefaultCPUAllocator: can't allocate memory(?:: you tried to allocate (\d+) bytes)?")
DIED = re.compile(r"DataLoader worker .*(killed by signal|exited unexpectedly)")


def raise_open_files() -> None:
    """Let this process, and those that it starts, open as many files as the system allows. Workers need many.

    Raises: ValueError if the system allows fewer than ``FEWEST``.
    """
    limit = FEWEST
    with suppress(ImportError, OSError, ValueError):  # no such limit, or one that is not allowed
        import resource

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        limit = MOST if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    if limit < FEWEST:
        raise ValueError(f"expected at least {FEWEST} files that may be open, got {limit}; raise it: ulimit -n 1024")


def is_of_the_machine(error: BaseException) -> bool:
    """Whether an error shows a limit of the machine, such as open files, and no fault of the file at work."""
    return isinstance(error, OSError) and error.errno in LIMITS


def lack_of_memory(error: BaseException) -> str:
    """What to do if an error is a lack of memory, of the machine or a GPU, or of a worker that was killed; else ''."""
    first = (str(error).strip().splitlines() or [""])[0]
    asked, of_gpu = NO_MEMORY.search(first), "OutOfMemory" in type(error).__name__
    if isinstance(error, MemoryError) or of_gpu or asked:
        size = f"{int(asked[1]) / 2**20:,.0f} MiB" if asked and asked[1] else "some"
        return f"expected {size} more memory of {'the GPU' if of_gpu else 'this machine'}, got none; {LOWER}"
    if isinstance(error, RuntimeError) and DIED.search(first):
        return f"expected workers that read to their end, got {first}; with little memory, lower num_workers"
    return ""


def check_shared_memory(batch_bytes: int, num_workers: int) -> None:
    """ValueError if the batches that workers read ahead do not fit into shared memory, as in small containers.

    Without this check a worker dies with a bus error, after some batches.

    Args:
        batch_bytes: of one batch.
        num_workers: of the loader of each process; none share no memory.
    """
    if not num_workers or not SHARED.is_dir():
        return
    stat, processes = os.statvfs(SHARED), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun sets it
    free, needed = stat.f_bavail * stat.f_frsize, batch_bytes * num_workers * processes * AHEAD
    if needed > free:
        raise ValueError(
            f"expected {needed / 2**20:,.0f} MiB of shared memory for {num_workers} workers, got {free / 2**20:,.0f} "
            f"MiB in {SHARED}; lower num_workers, or give a container more (docker run --shm-size)"
        )
