"""The machines of a batch: this one, or the workers of a Dask cluster, which are looked at before they get work."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from dnrlab.batch.code import package_digest

INSTALL = "pip install 'dnrlab[cluster]'"
TIMEOUT = "20s"  # to reach the scheduler
TOKEN = ".token"  # a file that all workers must see


class Machines(NamedTuple):
    """Where notebooks run."""

    at_a_time: int  # notebooks on all machines together
    share: dict[str, int]  # and on each, by its name
    left_out: list[str]  # workers that get no work, and why


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
            yield Machines(workers, {platform.node(): workers}, [])
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(f"expected dask for --scheduler, got {error}; {INSTALL}") from error
    try:
        client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"expected a scheduler at {scheduler}, got {error}; start dask scheduler there") from error
    with client:
        known = client.scheduler_info(n_workers=-1)["workers"]
        good, left_out = look_at_all(client, out, files)
        if not good:
            why = "; ".join(left_out) or "no workers; start some with dask worker"
            raise ValueError(f"expected a worker that can work, got none: {why}")
        share: dict[str, int] = {}
        for address, facts in good.items():
            share[facts["host"]] = share.get(facts["host"], 0) + int(known[address]["nthreads"])
        with joblib.parallel_config(
            backend="dask", client=client, n_jobs=-1, workers=names_of(good, known), allow_other_workers=False
        ):
            yield Machines(sum(share.values()), share, left_out)


def look_at_all(client: Any, out: Path, files: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The workers that can work, with what they say of themselves, and why the others cannot."""
    token = out / TOKEN
    token.write_text(os.urandom(8).hex(), encoding="utf-8")
    try:
        arguments = (str(Path.cwd()), str(token), list(files))
        found = client.run(look, *arguments, on_error="return")
        secret, ours = token.read_text(encoding="utf-8"), package_digest()
    finally:
        token.unlink(missing_ok=True)
    good, left_out = {}, []
    for address, facts in sorted(found.items()):
        why = hindrance(facts, secret, ours, out)
        if why:
            host = facts["host"] if isinstance(facts, dict) else address
            left_out.append(f"worker {address} on {host}: {why}")
        else:
            good[address] = facts
    return good, left_out


def look(folder: str, token: str, files: Sequence[str]) -> dict[str, Any]:
    """What a worker says of itself: it runs there."""
    os.chdir(folder)
    seen = Path(token)
    return {
        "host": platform.node(),
        "token": seen.read_text(encoding="utf-8") if seen.is_file() else "",
        "missing": [file for file in files if not Path(file).expanduser().exists()],
        "code": package_digest(),
    }


def hindrance(facts: Any, secret: str, ours: str, out: Path) -> str:
    """Why a worker cannot work; empty if it can."""
    if isinstance(facts, BaseException):
        return f"{type(facts).__name__}: {facts}"
    if facts["token"] != secret:
        return f"does not see the folder {out}; put the batch in a folder that all machines share"
    if facts["missing"]:
        return f"lacks {', '.join(facts['missing'][:3])}; put the data where all machines see it"
    if facts["code"] != ours:
        return "has another version of dnrlab; install the same on all machines"
    return ""


def names_of(good: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """Addresses of workers, or the host's name where all its workers are good: one that restarts there may work on."""
    hosts = {address: str(facts["host"]) for address, facts in known.items()}
    whole = {host for host in hosts.values() if all(each in good for each, own in hosts.items() if own == host)}
    return sorted({hosts[address] if hosts[address] in whole else address for address in good})
