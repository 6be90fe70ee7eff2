"""A file or folder for one process alone: a lock that ends with the process, however it ends."""

import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dnrlab.files import explain_write_errors, open_own

log = logging.getLogger("dnrlab")


@contextmanager
def locked(target: Path, what: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold a file or a folder for this process while the block runs. On Windows nothing is locked.

    The lock is a hidden file, beside a file or in a folder. A folder that is missing is made.

    Args:
        target: a path that ends in ``.csv`` or ``.npy`` is a file. Any other path is a folder.
        what: of this process, for the name of the lock and the message, such as "training".
        patience: seconds to wait for a process that holds it, since one that is killed ends a moment later.

    Raises: ValueError if another process holds it; OSError if the folder cannot be written.
    """
    is_file = target.suffix in (".csv", ".npy")
    file = target.with_name(f".{target.name}.lock") if is_file else target / f".{what}.lock"
    with explain_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    with open_own(file, "a+", encoding="utf-8") as stream:
        while not taken(stream):
            if time.monotonic() >= end:
                holder = file.read_text(encoding="utf-8").strip() or "another process"
                raise ValueError(
                    f"expected {target} for this {what} alone, got {holder} at work there; wait until it ends, or give "
                    "another place"
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
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not inherited by a loader's workers
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        log.warning(f"{stream.name} cannot be locked: start nothing else that writes there")
    return True
