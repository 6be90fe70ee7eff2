"""What runs on the workers of a Dask cluster before they get work. Imported only where dask is installed."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin

from dnrlab.batch.code import package_digest


@dataclass
class Look(WorkerPlugin):
    """Looks at each worker, also at one that joins later. One that can work gets the resource that runs need.

    What it found is told to the client as an event of the topic ``resource``.
    """

    resource: str
    folder: str  # working directory
    token: str  # a file in the folder of the batch
    secret: str  # its content
    files: Sequence[str]  # that a worker must see
    code: str  # digest of the package

    async def setup(self, worker: Worker) -> None:
        """Called on each worker."""
        why = hindrance(look(self.folder, self.token, self.files), self.secret, self.code)
        if not why:
            await worker.set_resources(**{self.resource: worker.state.nthreads})
        found: dict[str, Any] = {"worker": worker.address, "host": platform.node(), "why": why}
        worker.log_event(self.resource, found | {"threads": worker.state.nthreads})


def look(folder: str, token: str, files: Sequence[str]) -> dict[str, Any]:
    """What this machine sees."""
    if not Path(folder).is_dir():
        return {"token": "", "missing": [folder], "code": ""}
    os.chdir(folder)
    seen = Path(token)
    return {
        "token": seen.read_text(encoding="utf-8") if seen.is_file() else "",
        "missing": [file for file in files if not Path(file).expanduser().exists()],
        "code": package_digest(),
    }


def hindrance(facts: dict[str, Any], secret: str, code: str) -> str:
    """Why a worker cannot work; empty if it can."""
    if facts["missing"]:
        return f"lacks {', '.join(facts['missing'][:3])}; put the data where all machines see it"
    if facts["token"] != secret:
        return "does not see the folder of the batch; put it where all machines see it"
    if facts["code"] != code:
        return "has another version of dnrlab; install the same on all machines"
    return ""
