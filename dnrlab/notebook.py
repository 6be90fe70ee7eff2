"""What notebooks share: their parameters are checked before any work, and their working directory is the project.

papermill only warns of a misspelt parameter and does not check types. Both can cost a night on a cluster.
"""

import ast
import difflib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnrlab.limits import raise_open_files

log = logging.getLogger("dnrlab")


TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


IN_NOTEBOOK = ("module://", "inline", "widget", "ipympl", "nbagg", "notebook")  # backends that draw into a notebook


INJECTED = "# Parameters"  # first line of the cell that papermill injects


def declared_parameters(source: str) -> dict[str, type]:
    """Names and types of a parameters cell, from lines like ``lr: float = 0.1  # peak learning rate``.

    An assignment with an annotation outside ``TYPES`` is not a parameter.
    """
    return {name: kind for name, (kind, _) in declared_defaults(source).items()}


def declared_defaults(source: str) -> dict[str, tuple[type, Any]]:
    """Types and default values of the parameters in a cell, by name."""
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign) and node.value is not None]
    found = [(ast.unparse(node.target), ast.unparse(node.annotation), node.value) for node in nodes]
    return {name: (TYPES[kind], ast.literal_eval(value)) for name, kind, value in found if kind in TYPES and value}


def check_parameters(declared: Mapping[str, type], given: Mapping[str, Any]) -> None:
    """Raise a ValueError that lists all undeclared names, or a TypeError that lists all values of the wrong type."""
    unknown = [wrong_name(name, declared) for name in given if name not in declared]
    if unknown:
        raise ValueError("; ".join(unknown))
    wrong = [text for name, value in given.items() if (text := wrong_type(name, value, declared[name]))]
    if wrong:
        raise TypeError("; ".join(wrong))


def wrong_name(name: str, declared: Mapping[str, type]) -> str:
    """What is wrong with a name that is not declared, and which one may be meant."""
    close = difflib.get_close_matches(name, declared, 1)
    wanted = f"{close[0]!r} or another parameter" if close else f"one of {', '.join(declared)}"
    return f"expected {wanted}, got {name!r}; correct the name"


def wrong_type(name: str, value: Any, kind: type) -> str:
    """What is wrong with the type of a value; empty if it fits."""
    if fits(value, kind):
        return ""
    hint = "; correct the value"
    if kind is float and isinstance(value, str):
        hint = "; in YAML a float needs a point, as in 1.0e-3"
    if kind in (list, dict) and isinstance(value, str):
        hint = "; give lists and dictionaries with papermill -y, as in -y 'rows: [3, 5]'"
    return f"{name}: expected {kind.__name__}, got {value!r}{hint}"


def fits(value: Any, kind: type) -> bool:
    """Whether a value is of a type. An int passes as a float. A bool passes as neither."""
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)


def start(namespace: dict[str, Any]) -> None:
    """First call of a notebook, as ``start(globals())``: enter the project, check the parameters, show the log.

    Args:
        namespace: the notebook's names. Its ``In`` holds the cells run so far. The parameters are the annotated
            assignments in these cells, and the assignments of the cell that papermill injects.

    The words ``true`` and ``false`` become booleans where a bool is declared: ``papermill -p dnr true`` passes text.

    Raises: ValueError or TypeError, see ``check_parameters`` and ``mistakes_in``.
    """
    from dnrlab.choices import mistakes_in

    raise_open_files()
    declared: dict[str, type] = {}
    given: set[str] = set()
    for source in namespace["In"]:
        if source.startswith(INJECTED):
            nodes = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
            given |= {ast.unparse(target) for node in nodes for target in node.targets}
        elif is_python(source):
            declared |= declared_parameters(source)
    for name, kind in declared.items():
        word = str(namespace[name]).lower()
        if kind is bool and word in ("true", "false"):
            namespace[name] = word == "true"
    folder = Path.cwd()
    if folder.name == "notebooks" and (folder.parent / "dnrlab").is_dir():  # JupyterLab starts a kernel in this folder
        os.chdir(folder.parent)
    check_parameters(declared, {name: namespace[name] for name in {*declared, *given}})
    if mistakes := list(mistakes_in({name: namespace[name] for name in declared})):
        raise ValueError("; ".join(f"{name}: {text}" for name, text in mistakes))
    show_figures()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s", force=True)


def show_figures() -> None:
    """Let a kernel show figures in the notebook, where ``MPLBACKEND`` names a backend that does not, such as Agg."""
    from IPython import get_ipython

    backend, shell = os.environ.get("MPLBACKEND", ""), get_ipython()
    if shell is not None and backend and not backend.lower().startswith(IN_NOTEBOOK):
        shell.run_line_magic("matplotlib", "inline")


def is_python(source: str) -> bool:
    """Whether a cell parses. A cell with a magic or a shell command does not."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
