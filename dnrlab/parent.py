"""End a process when the one that started it ends, however it ends."""

import os
import signal
import threading
import time
from typing import Any

SECONDS = 0.5  # between two looks


def end_with_parent(parent: int | None = None) -> None:
    """From now on, end this process with SIGKILL when its parent is gone.

    Args:
        parent: process id that is watched; None: the parent of this process. Another one is given where the parent may
            be gone already. Nothing happens in that process itself.
    """
    watched = os.getppid() if parent is None else parent
    if os.getpid() == watched:  # joblib with one worker calls in the process itself
        return
    threading.Thread(target=watch, args=(watched,), name="dnrlab parent", daemon=True).start()


def watch(parent: int) -> None:
    """Look until the parent is another process, then end this one."""
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def workers_of(number: int) -> dict[str, Any]:
    """Arguments of ``joblib.Parallel`` for processes on this machine that end with this one."""
    return {"backend": "loky", "n_jobs": number, "initializer": end_with_parent, "initargs": (os.getpid(),)}
