"""Folders that are made once per session, whichever worker of pytest-xdist needs them first."""

import fcntl
import os


def made_once(tmp_path_factory, name, make):
    """The folder ``name`` of this session, filled by ``make(folder)`` in the first worker that asks for it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # each worker has a folder below the session's
    folder, done = base / f"shared_{name}", base / f"shared_{name}.done"
    with (base / f"shared_{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file closes
        if not done.exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            done.touch()
    return folder
