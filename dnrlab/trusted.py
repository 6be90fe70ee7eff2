"""Which functions run folders and grids may name: those that this account has trained with, or that were trusted.

A network of one's own is a function, ``package.module:function``. A run folder or a grid from elsewhere could name any
function on this machine, so opening it would run code of its author's choice. The record is a text file in the
account's folder of settings: one line per function, with the file of its module.
"""

import importlib.util
import os
from importlib.machinery import PathFinder
from pathlib import Path

from dnrlab.files import explain_write_errors, open_own

RECORD = "networks.txt"
VARIABLE = "DNRLAB_TRUST"  # names of functions that are trusted too, with spaces between them, such as in a container


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
    with explain_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    with open_own(file, "a", encoding="utf-8") as record:
        record.write(f"\n{line}\n")  # whatever the last line lacks


def check_trust(name: str, where: str | Path) -> None:
    """ValueError unless a function that ``where`` names as a network is trusted. Nothing is imported."""
    line = line_of(name)
    if name not in os.environ.get(VARIABLE, "").split() and line not in lines_of(record_file()):
        raise ValueError(
            f"expected {where} with a network that is known to this account, got {name} of "
            f"{line.split(' ', 1)[1]}, whose code would run. Read it, and if you trust it call: "
            f"python -c \"import dnrlab; dnrlab.trust('{name}')\"; or set {VARIABLE}={name}"
        )


def lines_of(file: Path) -> list[str]:
    """The lines of the record; none without one."""
    return file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []


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
    first, *others = module.split(".")
    try:
        spec = importlib.util.find_spec(first) or PathFinder.find_spec(first, [str(Path.cwd())])
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
