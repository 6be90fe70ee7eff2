"""Which functions a run folder may name: those that a training of this account has used, or that ``trust`` was given.

A run of a network of one's own names a function, ``package.module:function``. A run folder from elsewhere could name
any function on this machine, so opening it would run code of its author's choice. The record is a text file in the
account's folder of settings: one line per function, with the file of its module.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from dnrlab.files import open_own

RECORD = "networks.txt"


def record_file() -> Path:
    """The record: on Linux ``~/.config/dnrlab/networks.txt``, or below ``$XDG_CONFIG_HOME``."""
    import platformdirs

    return platformdirs.user_config_path("dnrlab") / RECORD


def trust(name: str) -> None:
    """Let run folders name the function ``package.module:function`` as their network.

    Raises: ValueError if there is no such module with a source file; OSError if the record cannot be written.
    """
    line, file = line_of(name), record_file()
    if line in lines_of(file):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with open_own(file, "a", encoding="utf-8") as record:
        record.write(f"{line}\n")


def check_trust(name: str, run_dir: str | Path) -> None:
    """ValueError unless the function that a run folder names as its network is in the record. Nothing is imported."""
    try:
        line = line_of(name)
    except ValueError as error:
        raise ValueError(f"{run_dir} was trained on a function that is gone: {error}") from error
    if line not in lines_of(record_file()):
        raise ValueError(
            f"expected {run_dir} with a network that was trained from this account, got {name}, a function in "
            f"{line.split(' ', 1)[1]}; opening the run calls it. Read that file, and if you trust it call: "
            f"python -c \"import dnrlab; dnrlab.trust('{name}')\""
        )


def lines_of(file: Path) -> list[str]:
    """The lines of the record; none without one."""
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def line_of(name: str) -> str:
    """The record's line for a function: its name and the file of its module.

    Raises: ValueError if the name has another form, or there is no such module with a source file.
    """
    module, _, function = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise ValueError(f"expected package.module:function, got {name!r}; correct the network's name")
    file = source_file(module)
    if file is None:
        raise ValueError(
            f"expected a module {module} with a source file for the network {name}, got none; give "
            "package.module:function without .py, and run this from the module's folder, or put it on PYTHONPATH"
        )
    return f"{name} {file.resolve()}"


def source_file(module: str) -> Path | None:
    """The source file of a module, also in the current folder, found without importing anything; None without one."""
    folder, (first, *others) = str(Path.cwd()), module.split(".")
    if folder not in sys.path:
        sys.path.append(folder)  # as ``find_function`` does
    try:
        spec = importlib.util.find_spec(first)
    except ValueError:  # a module without a spec, such as __main__
        return None
    name = first
    for part in others:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, spec.submodule_search_locations)
    file = None if spec is None or not spec.has_location else spec.origin
    return Path(file) if file and file.endswith(".py") else None
