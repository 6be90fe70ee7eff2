"""A file or folder for one process alone: a lock that ends with the process, however it ends."""

import logging
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    with explain_write_errors(target):
        file.parent.mkdir(parents=True, exist_ok=True)
    stream, end = held(file, target), time.monotonic() + patience
    while stream is None:
        if time.monotonic() >= end:
            holder = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
            raise ValueError(
                f"expected {target} for this {what} alone, got {holder or 'another process'} at work there; wait until "
                "it ends, or give another place"
            )
        time.sleep(0.2)
        stream = held(file, target)
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()  # before it is free: whoever takes it afterwards sees that it is gone, and makes a new one
        stream.close()


def held(file: Path, target: Path) -> IO[str] | None:
    """The lock file, locked, with process and machine in it; None if another process holds it."""
    while True:
        with explain_write_errors(target):
            stream: IO[str] = open_own(file, "a+", encoding="utf-8")
        if not taken(stream):
            stream.close()
            return None
        if is_at(stream, file):
            stream.truncate(0)
            stream.write(f"process {os.getpid()} on {platform.node()}\n")
            stream.flush()
            return stream
        stream.close()  # it was removed by the process that held it: make a new one


def is_at(stream: IO[str], file: Path) -> bool:
    """Whether an open file is still the one at its path."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), file.stat())
    except OSError:
        return False


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
