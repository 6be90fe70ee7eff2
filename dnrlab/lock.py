"""A folder for one process alone: a lock that ends with the process, however it ends."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOCK = ".lock"


@contextmanager
def locked(folder: Path, what: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a folder for this process. It is made if it is missing. On Windows nothing is locked.

    Args:
        what: of this process, for the message, such as "batch".
        patience: seconds to wait for a process that holds it, since one that is killed ends a moment later.

    Raises: ValueError if another process holds it; OSError if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, end = folder / LOCK, time.monotonic() + patience
    with file.open("a+", encoding="utf-8") as stream:
        while not taken(stream):
            if time.monotonic() >= end:
                holder = file.read_text(encoding="utf-8").strip() or "another process"
                raise ValueError(
                    f"expected {folder} for this {what} alone, got {holder} at work there; wait until it ends, or "
                    "give another folder"
                )
            time.sleep(0.2)
        stream.seek(0)
        stream.truncate()
        stream.write(f"process {os.getpid()} on {platform.node()}\n")
        stream.flush()
        yield


def taken(stream: IO[str]) -> bool:
    """Lock an open file until it is closed. False if another process holds it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        pass
    return True
