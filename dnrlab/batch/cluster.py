"""The machines of a batch: this one, or the workers of a Dask cluster, which are looked at before they get work."""

import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from dnrlab.batch.code import package_digest

INSTALL = "pip install 'dnrlab[cluster]'"
TIMEOUT = "20s"  # to reach the scheduler
PATIENCE = 60.0  # seconds to wait for the first worker that can work
TOKEN = ".token"  # a file that all workers must see

log = logging.getLogger("dnrlab")


class Machines(NamedTuple):
    """Where notebooks run."""

    at_a_time: int  # notebooks on all machines together
    share: dict[str, int]  # and on each, by its name


@contextmanager
def machines(workers: int, scheduler: str, out: Path, files: Sequence[str]) -> Iterator[Machines]:
    """Within the block, ``joblib.Parallel`` runs on these machines.

    Args:
        workers: notebooks at a time on this machine; with a scheduler the threads of its workers count instead.
        scheduler: such as ``tcp://10.0.0.1:8786``; empty: this machine.
        out: folder of the batch.
        files: that each worker must see.

    Raises: ValueError if dask is not installed, there is no scheduler, or no worker can work.
    """
    if not scheduler:
        with joblib.parallel_config(backend="threading", n_jobs=workers):
            yield Machines(workers, {platform.node(): workers})
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(f"expected dask for --scheduler, got {error}; {INSTALL}") from error
    try:
        client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"expected a scheduler at {scheduler}, got {error}; start dask scheduler there") from error
    with client, looked_at(client, out, files) as (resource, found):
        share: dict[str, int] = {}
        for facts in found:
            if not facts["why"]:
                share[facts["host"]] = share.get(facts["host"], 0) + int(facts["threads"])
        with joblib.parallel_config(backend="dask", client=client, n_jobs=-1, resources={resource: 1}):
            yield Machines(sum(share.values()), share)


@contextmanager
def looked_at(client: Any, out: Path, files: Sequence[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Within the block, workers that can work have a resource. Its name, and what is known of the workers so far.

    A line of the log names each worker that cannot work, also one that joins later.

    Raises: ValueError if no worker can work.
    """
    from dnrlab.batch.dask_worker import Look

    token, secret = out / TOKEN, os.urandom(8).hex()
    resource, found = f"dnrlab-{secret}", []
    token.write_text(secret, encoding="utf-8")

    def heard(event: tuple[Any, dict[str, Any]]) -> None:
        facts = event[1]
        found.append(facts)
        if facts["why"]:
            log.warning(f"worker {facts['worker']} on {facts['host']} gets no work: it {facts['why']}")

    look = Look(resource, str(Path.cwd()), str(token), secret, list(files), package_digest())
    try:
        client.subscribe_topic(resource, heard)
        answers = client.register_plugin(look, name=resource)
        for address, answer in answers.items():
            if answer.get("status") != "OK":
                why = f"cannot load dnrlab ({answer.get('exception', answer)}); install the same version there"
                heard((None, {"worker": address, "host": address, "threads": 0, "why": why}))
        await_one(client, found)
        yield resource, found
    finally:
        client.unregister_worker_plugin(resource)
        client.unsubscribe_topic(resource)
        token.unlink(missing_ok=True)


def await_one(client: Any, found: list[dict[str, Any]]) -> None:
    """Wait until all workers that are there have been looked at, and one can work. ValueError if none can."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        known = client.scheduler_info(n_workers=-1)["workers"]
        if known and {facts["worker"] for facts in found} >= set(known):
            break
        time.sleep(0.2)
    if all(facts["why"] for facts in found):
        why = "; ".join(f"worker {facts['worker']} {facts['why']}" for facts in found)
        raise ValueError(f"expected a worker that can work, got none: {why or 'no workers; start some'}")
