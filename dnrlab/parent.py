"""End a process when the one that started it ends, however it ends."""

import os
import signal
import threading
import time

SECONDS = 0.5  # between two looks


def end_with_parent(parent: int | None = None) -> None:
    """From now on, end this process with SIGKILL when its parent is gone.

    Args:
        parent: process id that is watched; None: the parent of this process. Another one is given where the parent may
            be gone already.
    """
    watched = os.getppid() if parent is None else parent
    threading.Thread(target=watch, args=(watched,), name="dnrlab parent", daemon=True).start()


def watch(parent: int) -> None:
    """Look until the parent is another process, then end this one."""
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
