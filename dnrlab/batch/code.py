"""What code a notebook depends on, as a digest: its cells, and the modules of this package that they import.

Comments, docstrings and layout do not count. So a training of a night is not run anew because a comment changed, nor
because a module changed that it never imports.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from dnrlab.batch.cells import code_of
from dnrlab.trusted import source_file

PACKAGE = "dnrlab"
ROOT = Path(__file__).parents[2]  # holds the package
DRAWING = ("plots", "findings", "figures")  # change figures and sentences, no result
CHECKING = ("notebook", "choices")  # check parameters and change no result
NAME = re.compile(rf"{PACKAGE}(\.\w+)+")


@cache
def notebook_digest(notebook: Path) -> str:
    """Digest of a notebook's code. Cells of text, and outputs, do not count."""
    return digest([source_digest(source) for source in code_of(notebook)])


@cache
def code_digests(notebook: Path) -> tuple[str, str]:
    """Digests of the modules of this package that a notebook reaches by imports: all others, and those of ``DRAWING``.

    Those of ``CHECKING`` do not count.
    """
    start = {module for source in code_of(notebook) for module in imports(source)}
    files = [file.relative_to(ROOT) for file in sorted(files_reached(frozenset(start)))]
    parts = [file.parts[1].removesuffix(".py") for file in files]
    lines = [f"{file} {file_digest(ROOT / file)}" for file in files]
    drawing = [line for line, part in zip(lines, parts, strict=True) if part in DRAWING]
    others = [line for line, part in zip(lines, parts, strict=True) if part not in DRAWING + CHECKING]
    return digest(others), digest(drawing)


def own_digest(name: str) -> str:
    """Digest of the module of a network of one's own, ``package.module:function``; '' for any other name."""
    if ":" not in name:
        return ""
    module = name.partition(":")[0]
    file = source_file(module) if module.replace(".", "").isidentifier() else None
    return file_digest(file) if file is not None else ""


def package_digest() -> str:
    """Digest of the whole package: equal where two machines have the same version."""
    return digest([f"{file.relative_to(ROOT)} {file_digest(file)}" for file in sorted((ROOT / PACKAGE).rglob("*.py"))])


def digest(lines: list[str]) -> str:
    """SHA-256 of some lines."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def file_digest(file: Path) -> str:
    """Digest of a module's code."""
    return source_digest(file.read_text(encoding="utf-8"))


def source_digest(source: str) -> str:
    """Digest of Python code without comments, docstrings and layout. A cell with a magic counts as it is."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return digest([source])
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
    return digest([ast.dump(tree)])


def imports(source: str) -> Iterator[str]:
    """Modules of this package that code imports, in functions too, or names in a text, such as for a new process."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module != PACKAGE:
                yield node.module
            elif not all(files_of(name) - files_of(PACKAGE) for name in names):  # such as from dnrlab import DNRConfig
                yield PACKAGE
            yield from names
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
            yield node.value


@cache
def files_reached(modules: frozenset[str]) -> frozenset[Path]:
    """The files of some modules, and of all modules of this package that they reach by imports.

    ``import dnrlab`` reaches the whole package, since the package gives its names when they are asked for.
    """
    if PACKAGE in modules:
        return frozenset((ROOT / PACKAGE).rglob("*.py"))
    found: set[Path] = set()
    waiting = set(modules)
    while waiting:
        for file in files_of(waiting.pop()) - found:
            found.add(file)
            part = file.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")
            if part not in ("__init__", *CHECKING):  # the package's own __init__ names all modules, and imports none
                waiting |= set(imports(file.read_text(encoding="utf-8"))) - {PACKAGE}
    return frozenset(found)


def files_of(module: str) -> set[Path]:
    """The file of a module and of the packages around it. A name within a module gives the module's file."""
    parts = module.split(".")
    found = set()
    for length in range(1, len(parts) + 1):
        base = ROOT.joinpath(*parts[:length])
        found |= {file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()}
    return found
