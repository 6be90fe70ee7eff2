"""What runs on the workers of a Dask cluster before they get work. Imported only where dask is installed.

The class travels whole, so that also a worker without this package, or with another version, can say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from distributed import Worker, WorkerPlugin


@dataclass
class CheckWorker(WorkerPlugin):
    """Checks each worker, also one that joins later. One that can work gets the resource that runs ask for.

    The result goes to the client, as an event of the topic ``resource``.
    """

    resource: str
    folder: str  # working directory
    token: str  # a file in the folder of the batch
    batch: str  # its content
    files: Sequence[str]  # that a worker must see
    code: str  # digest of the package

    async def setup(self, worker: Worker) -> None:
        """Called on each worker."""
        import platform

        obstacle, key = self.obstacle(), ""
        if not obstacle:
            from dnrlab.batch.chain import machine_key

            key = machine_key()
            await worker.set_resources(**{self.resource: worker.state.nthreads})
        found: dict[str, Any] = {"worker": worker.address, "host": platform.node(), "obstacle": obstacle}
        worker.log_event(self.resource, found | {"key": key, "threads": worker.state.nthreads})

    def obstacle(self) -> str:
        """Why this machine cannot work; empty if it can."""
        import os
        from pathlib import Path

        if not Path(self.folder).is_dir():
            return f"lacks the folder {self.folder}; put the project where all machines see it"
        os.chdir(self.folder)
        if missing := [file for file in self.files if not Path(file).expanduser().exists()]:
            return f"lacks {', '.join(missing[:3])}; put the data where all machines see it"
        token = Path(self.token)
        if not token.is_file() or token.read_text(encoding="utf-8") != self.batch:
            return "does not see the folder of the batch; put it where all machines see it"
        try:
            from dnrlab.batch.code import package_digest

            code = package_digest()
        except Exception as error:  # whatever a package raises that is absent, older or broken
            return f"cannot load dnrlab ({type(error).__name__}: {error}); install the same version there"
        if code != self.code:
            return "has another version of dnrlab, or was started before a change; install the same, start it again"
        return ""
