"""What notebooks share: their parameters are checked before any work, and their working directory is the project.

papermill only warns of a misspelt parameter and does not check types. Both can cost a night on a cluster.
"""

import ast
import difflib
import logging
import os
import sys
from pathlib import Path
from typing import Any

log = logging.getLogger("dnrlab")


TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}


IN_NOTEBOOK = ("module://", "inline", "widget", "ipympl", "nbagg", "notebook")  # backends that draw into a notebook


INJECTED = "# Parameters"  # first line of the cell that papermill injects


def declared_parameters(source: str) -> dict[str, type]:
    """Names and types of a parameters cell, from lines like ``lr: float = 0.1  # peak learning rate``.

    An assignment with an annotation outside ``TYPES`` is not a parameter.
    """
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.AnnAssign)]
    types = {ast.unparse(node.target): ast.unparse(node.annotation) for node in nodes}
    return {name: TYPES[kind] for name, kind in types.items() if kind in TYPES}


def check_parameters(declared: dict[str, type], given: dict[str, Any]) -> None:
    """Raise a ValueError that lists all undeclared names, or a TypeError that lists all values of the wrong type."""
    unknown = [name for name in given if name not in declared]
    if unknown:
        close = {name: difflib.get_close_matches(name, declared, 1) for name in unknown}
        hints = [f"{name!r}" + (f" (did you mean {close[name][0]!r}?)" if close[name] else "") for name in unknown]
        raise ValueError(f"expected parameters among {', '.join(declared)}, got {', '.join(hints)}; correct the name")
    wrong = [name for name, value in given.items() if not fits(value, declared[name])]
    if wrong:
        lines = [f"{name}: expected {declared[name].__name__}, got {given[name]!r}" for name in wrong]
        texts = [declared[name] for name in wrong if isinstance(given[name], str)]
        hint = "; in YAML a float needs a point, as in 1.0e-3" if float in texts else ""
        hint += (
            "; give lists and dictionaries with papermill -y, as in -y 'rows: [3, 5]'"
            if {list, dict} & {*texts}
            else ""
        )
        raise TypeError("parameter of the wrong type: " + "; ".join(lines) + hint)


def fits(value: Any, kind: type) -> bool:
    """Whether a value is of a type. An int passes as a float. A bool passes as neither."""
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)


def start(namespace: dict[str, Any]) -> None:
    """First call of a notebook, as ``start(globals())``: check its parameters, enter the project, show the log.

    Args:
        namespace: the notebook's names. Its ``In`` holds the cells run so far. The parameters are the annotated
            assignments in these cells, and the assignments of the cell that papermill injects.

    The words ``true`` and ``false`` become booleans where a bool is declared: ``papermill -p dnr true`` passes text.

    Raises: ValueError or TypeError, see ``check_parameters``.
    """
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
    check_parameters(declared, {name: namespace[name] for name in {*declared, *given}})
    folder = Path.cwd()
    if folder.name == "notebooks" and (folder.parent / "dnrlab").is_dir():  # JupyterLab starts a kernel in this folder
        os.chdir(folder.parent)
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
