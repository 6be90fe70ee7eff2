"""The machines of a batch: this one, or the workers of a Dask cluster, which are checked before they get work."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from dnrlab.batch.chain import machine_key
from dnrlab.batch.code import package_digest

INSTALL = "pip install 'dnrlab[cluster]'"
TIMEOUT = "20s"  # to reach the scheduler
PATIENCE = 60.0  # seconds to wait for the first worker that can work

log = logging.getLogger("dnrlab")


class Machines(NamedTuple):
    """Where notebooks run."""

    at_a_time: int  # notebooks on all machines together
    share: dict[str, int]  # and on each, by ``machine_key``


@contextmanager
def machines(workers: int, scheduler: str, token: Path, batch: str, files: Sequence[str]) -> Iterator[Machines]:
    """Within the block, ``joblib.Parallel`` runs on these machines.

    Args:
        workers: notebooks at a time on this machine; with a scheduler the threads of its workers count instead.
        scheduler: such as ``tcp://10.0.0.1:8786``; empty: this machine.
        token: a file in the folder of the batch, with ``batch`` in it.
        files: that each worker must see.

    Raises: ValueError if dask is not installed, there is no scheduler, or no worker can work.
    """
    if not scheduler:
        with joblib.parallel_config(backend="threading", n_jobs=workers):
            yield Machines(workers, {machine_key(): workers})
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(f"expected dask for --scheduler, got {error}; {INSTALL}") from error
    try:
        client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"expected a scheduler at {scheduler}, got {error}; start dask scheduler there") from error
    with client, checked_workers(client, token, batch, files) as (resource, found):
        share: dict[str, int] = {}
        for facts in found:
            if not facts["obstacle"]:
                share[facts["key"]] = share.get(facts["key"], 0) + int(facts["threads"])
        with joblib.parallel_config(backend="dask", client=client, n_jobs=-1, resources={resource: 1}):
            yield Machines(sum(share.values()), share)


@contextmanager
def checked_workers(
    client: Any, token: Path, batch: str, files: Sequence[str]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Within the block, workers that can work have a resource. Its name, and what is known of the workers so far.

    A line of the log names each worker that cannot work, also one that joins later.

    Raises: ValueError if no worker can work.
    """
    import cloudpickle

    from dnrlab.batch import dask_worker

    resource, found = f"dnrlab-{batch}", []

    def report(event: tuple[Any, dict[str, Any]]) -> None:
        facts = event[1]
        found.append(facts)
        if facts["obstacle"]:
            log.warning(f"worker {facts['worker']} on {facts['host']} gets no work: it {facts['obstacle']}")

    cloudpickle.register_pickle_by_value(dask_worker)
    check = dask_worker.CheckWorker(
        resource, str(Path.cwd()), str(token.resolve()), batch, list(files), package_digest()
    )
    try:
        client.subscribe_topic(resource, report)
        client.register_plugin(check, name=resource)
        await_one(client, found)
        yield resource, found
    finally:
        client.unregister_worker_plugin(resource)
        client.unsubscribe_topic(resource)
        cloudpickle.unregister_pickle_by_value(dask_worker)


def await_one(client: Any, found: list[dict[str, Any]]) -> None:
    """Wait until all workers that are there have been checked. ValueError if none can work."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        known = client.scheduler_info(n_workers=-1)["workers"]
        if known and {facts["worker"] for facts in found} >= set(known):
            break
        time.sleep(0.2)
    if all(facts["obstacle"] for facts in found):
        why = "; ".join(f"worker {facts['worker']} {facts['obstacle']}" for facts in found)
        raise ValueError(f"expected a worker that can work, got none: {why or 'no workers; start some'}")
