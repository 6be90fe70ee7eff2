"""Grids: short YAML files that say which notebooks run with which parameters.

    title: Does DNR help TSN and TSM?
    parameters:            # of every run; a list multiplies the runs
      manifest: synthetic
      model: [tsn_resnet18, tsm_resnet18]
      dnr: [false, true]
      seed: [0, 1, 2]
    notebooks:             # of every run, one after the other
      - 01_train: {epochs: 2}
      - 02_evaluate
    after:                 # once, when all runs have finished
      - 03_gradcam: {runs: "{runs}"}

A parameter that is itself a list multiplies by a list of lists. ``cases`` are named sets of parameters that multiply,
too: ``{plain: {dnr: false}, relay: {dnr: true, interlacing: never}}``. ``card`` names the data set for ``--dry-run``.
``alone: true`` runs one notebook at a time, as measurements of speed need. The batch sets ``run_dir`` and ``out_dir``;
only notebooks of ``after`` may name a ``run_dir``, such as ``"{out}/relay_seed0"``.

In texts, ``{out}`` is the folder of the batch, ``{run_dir}`` that of the run, ``{case}`` its case, ``{results}`` the
table ``results.csv``, ``{NAME}`` any number or text that the run has for a parameter. A list ``"{runs}"`` is the run
folders of all runs.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dnrlab.batch.run import FOLDERS

LARGEST = 1_000_000  # bytes of a grid
KEYS = ("title", "card", "alone", "parameters", "cases", "notebooks", "after")


class Mistake(NamedTuple):
    """Something wrong in a grid."""

    line: int  # counted from 1
    text: str


class Setting(NamedTuple):
    """A value of a parameter, or a list of values."""

    name: str
    value: Any
    line: int


class Entry(NamedTuple):
    """A notebook of a grid, and parameters of its own."""

    file: Path
    settings: tuple[Setting, ...]
    line: int


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The content of a grid file, see the module."""

    file: Path
    title: str
    card: str
    alone: bool
    settings: tuple[Setting, ...]
    cases: dict[str, tuple[Setting, ...]]
    notebooks: tuple[Entry, ...]
    after: tuple[Entry, ...]
    mistakes: tuple[Mistake, ...]  # found so far; ``runs_of`` raises them with those that it finds


class Mistakes(ValueError):
    """All mistakes of a grid, one per line."""

    def __init__(self, file: Path, mistakes: list[Mistake]) -> None:
        lines = [f"{file}:{line}: {text}" for line, text in sorted(set(mistakes))]
        super().__init__("\n".join(lines))


def read_grid(file: str | Path) -> Grid:
    """Read a grid.

    Raises: FileNotFoundError if there is no such file; ``Mistakes``, a ValueError, if it is no YAML. Others are
        in the grid.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"expected a grid at {file}, got no such file; check the path")
    if file.stat().st_size > LARGEST:
        raise ValueError(f"expected a grid of at most {LARGEST:,} bytes, got {file.stat().st_size:,}; shorten {file}")
    try:
        text = file.read_text(encoding="utf-8")
        aliases = [event for event in yaml.parse(text, Loader=yaml.SafeLoader) if isinstance(event, yaml.AliasEvent)]
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        braces = ", and put texts with braces in quotes" if "{" in str(getattr(mark, "buffer", "") or "") else ""
        advice = f"check indentation and colons{braces}"
        raise Mistakes(file, [Mistake(mark.line + 1 if mark else 1, f"no YAML: {problem}; {advice}")]) from error
    if aliases:
        raise Mistakes(file, [Mistake(line_of(each), "expected no alias, got *name; write it out") for each in aliases])
    try:
        return Reader(file).grid(root)
    except RecursionError as error:
        raise Mistakes(file, [Mistake(1, "expected a grid, got lists within lists too deep; write it flat")]) from error


def line_of(node: Any) -> int:
    """The line where a node of YAML begins, counted from 1."""
    return int(node.start_mark.line) + 1


class Reader:
    """Turns nodes of YAML into a grid and collects the mistakes."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []

    def wrong(self, node: Any, text: str) -> None:
        """Add a mistake at the line of a node."""
        self.mistakes.append(Mistake(1 if node is None else line_of(node), text))

    def pairs(self, node: Any, what: str) -> Iterator[tuple[str, Any, Any]]:
        """Name, node of the name and node of the value of each entry of a mapping; nothing for an empty node."""
        if node is None or (isinstance(node, yaml.ScalarNode) and self.plain(node) is None):
            return
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"expected {what} as name: value, got {self.plain(node)!r}; write it so")
            return
        names: set[str] = set()
        for key, value in node.value:
            name = self.plain(key)
            if not isinstance(name, str):
                self.wrong(key, f"expected a name in {what}, got {name!r}; put it in quotes")
                continue
            if name in names:
                self.wrong(key, f"expected {name!r} once in {what}, got it again; leave one out")
            names.add(name)
            yield name, key, value

    def plain(self, node: Any) -> Any:
        """The plain value of a node. A mistake where YAML's safe tags do not suffice."""
        for inner in mappings_in(node):
            keys = Counter(key.value for key, _ in inner.value if isinstance(key, yaml.ScalarNode))
            if repeated := [key for key, number in keys.items() if number > 1]:
                self.wrong(inner, f"expected each name once, got {', '.join(sorted(repeated))} again; leave one out")
        try:
            value = yaml.SafeLoader("").construct_object(node, deep=True)
            json.dumps(value, ensure_ascii=False, default=str).encode()  # half a pair of surrogates is a ValueError
            return value
        except (yaml.YAMLError, ValueError, TypeError) as error:  # dates such as 2026-99-99 are ValueErrors
            self.wrong(node, f"expected plain values, got {str(error).splitlines()[0]}; write it without tags")
            return None

    def text(self, node: Any, what: str) -> str:
        """A text."""
        value = self.plain(node)
        if not isinstance(value, str) or not value.strip():
            self.wrong(node, f"expected {what} as text, got {value!r}; write one")
            return ""
        return value.strip()

    def truth(self, node: Any, what: str) -> bool:
        """True or false."""
        value = self.plain(node)
        if not isinstance(value, bool):
            self.wrong(node, f"expected {what} as true or false, got {value!r}; write one")
        return value is True

    def grid(self, root: Any) -> Grid:
        """The grid of the whole file."""
        parts: dict[str, Any] = {}
        for name, key, value in self.pairs(root, "a grid"):
            if name not in KEYS:
                self.wrong(key, f"expected {', '.join(KEYS)}, got {name!r}; correct the name")
            parts[name] = value
        for name in ("title", "notebooks"):
            if name not in parts:
                self.wrong(root, f"expected {name}, got none; add it")
        cases = {
            name: self.settings(value, f"case {name}") for name, _, value in self.pairs(parts.get("cases"), "cases")
        }
        return Grid(
            file=self.file,
            title=self.text(parts["title"], "title") if "title" in parts else "",
            card=self.text(parts["card"], "card") if "card" in parts else "",
            alone=self.truth(parts["alone"], "alone") if "alone" in parts else False,
            settings=self.settings(parts.get("parameters"), "parameters"),
            cases=cases,
            notebooks=self.entries(parts.get("notebooks"), "notebooks"),
            after=self.entries(parts.get("after"), "after"),
            mistakes=tuple(self.mistakes),
        )

    def settings(self, node: Any, what: str, *, taken: Sequence[str] = FOLDERS) -> tuple[Setting, ...]:
        """The parameters in a mapping. Those in ``taken`` are the batch's to set."""
        found = []
        for name, key, value in self.pairs(node, what):
            if name in taken:
                self.wrong(key, f"expected no {name}, got one; leave it out, each run has its own folder")
            found.append(Setting(name, self.plain(value), line_of(value)))
        return tuple(found)

    def entries(self, node: Any, what: str) -> tuple[Entry, ...]:
        """The notebooks in a list."""
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.wrong(node, f"expected {what} as a list, got {self.plain(node)!r}; write each after a dash")
            return ()
        found = []
        for each in node.value:
            pairs = list(self.pairs(each, "a notebook")) if isinstance(each, yaml.MappingNode) else []
            if isinstance(each, yaml.MappingNode) and len(pairs) != 1:
                self.wrong(each, f"expected one notebook after a dash, got {len(pairs)}; give each its dash")
                continue
            name, settings = (pairs[0][0], pairs[0][2]) if pairs else (self.text(each, "a notebook"), None)
            file = self.notebook(name)
            if name and file is None:
                where = " or ".join(map(str, self.folders()))
                self.wrong(each, f"expected a notebook in {where}, got no {name!r}; check the name, or give its path")
            elif file is not None:
                taken = FOLDERS[1:] if what == "after" else FOLDERS
                found.append(Entry(file, self.settings(settings, name, taken=taken), line_of(each)))
        return tuple(found)

    def notebook(self, name: str) -> Path | None:
        """The file of a notebook in one of the ``folders``. A path may be given, too."""
        files = [base / (name if name.endswith(".ipynb") else f"{name}.ipynb") for base in self.folders()]
        return next((file for file in files if name and os.path.isfile(file)), None)  # noqa: PTH113 (long names)

    def folders(self) -> list[Path]:
        """Where notebooks are looked for: beside the grid, in the folder above, and in ``notebooks`` of this folder."""
        folder = self.file.resolve().parent
        return list(dict.fromkeys([folder, folder.parent, Path("notebooks").resolve()]))


def mappings_in(node: Any) -> Iterator[yaml.MappingNode]:
    """All mappings in a node of YAML, the node itself included."""
    children = (
        [child for pair in node.value for child in pair]
        if isinstance(node, yaml.MappingNode)
        else (list(node.value) if isinstance(node, yaml.SequenceNode) else [])
    )
    if isinstance(node, yaml.MappingNode):
        yield node
    for child in children:
        yield from mappings_in(child)
