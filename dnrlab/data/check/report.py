"""What is known of the files of a manifest, kept beside it in NAME.checked.csv: a line a file, written as it is found.

A check that was stopped goes on from there. The lines of a file count while its size, its time of change and the
decoder are those of the line; files that could not be read are read again.
"""

import csv
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from dnrlab.data.check.decode_all import Decoded
from dnrlab.data.decode.signature import signature
from dnrlab.data.manifest import Manifest
from dnrlab.files import atomic_write, explain_write_errors

COLUMNS = (*Decoded._fields, "decoder")


TEXT = {"path": str, "reason": str, "digest": str, "decoder": str}


def checked_file(manifest: Manifest) -> Path:
    """NAME.checked.csv beside NAME.csv."""
    return manifest.file.with_name(f"{manifest.file.stem}.checked.csv")


def read_checked(file: str | Path) -> pd.DataFrame:
    """The facts of every file that was checked, a row each: the fields of ``Decoded``, and the ``decoder``.

    Paths are absolute, as in the rows of ``read_manifest``. A last line without an end is left out.

    Raises: ValueError if the file is not one that a check wrote.
    """
    file = Path(file)
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if text and text.splitlines()[0] != ",".join(COLUMNS):
        raise ValueError(
            f"{file}: expected what 'dnrlab manifest check' wrote, with columns {', '.join(COLUMNS)}, got "
            f"{text.splitlines()[0][:200]!r}; name another file (--out), or remove this one"
        )
    if not whole:
        return pd.DataFrame(columns=list(COLUMNS))
    empty = {"fps": ["", "nan"], "duration_seconds": ["", "nan"]}
    table = pd.read_csv(io.StringIO(whole), dtype=TEXT, keep_default_na=False, na_values=empty)
    folder = str(file.parent)
    table["path"] = [os.path.join(folder, path) for path in table["path"]]  # noqa: PTH118 (fast)
    return table.drop_duplicates("path", keep="last").reset_index(drop=True)


def still_true(table: pd.DataFrame, decoder: str) -> pd.DataFrame:
    """The rows of files that this decoder could read, and whose size and time of change are as they were."""
    table = table[(table["reason"] == "") & (table["decoder"] == decoder)]
    was = zip(table["path"], table["size"], table["mtime_ns"], strict=True)
    return table[np.array([signature(path) == (size, mtime_ns) for path, size, mtime_ns in was], dtype=bool)]


def write_checked(file: Path, table: pd.DataFrame) -> None:
    """Replace the file by a whole one with these rows."""
    with atomic_write(file, writer=f".{os.getpid()}") as unfinished:
        table.assign(path=[beside(path, file.parent) for path in table["path"]]).to_csv(
            unfinished, columns=list(COLUMNS), index=False, lineterminator="\n"
        )


@contextmanager
def recording(file: Path, known: pd.DataFrame, decoder: str) -> Iterator[Callable[[Decoded], None]]:
    """Begin the file with the rows that are known, and give what adds a line to it, which a kill does not undo."""
    write_checked(file, known)
    with file.open("a", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")

        def record(facts: Decoded) -> None:
            one_line = " ".join(facts.reason.split())
            with explain_write_errors(file):
                lines.writerow((*facts._replace(path=beside(facts.path, file.parent), reason=one_line), decoder))
                stream.flush()

        yield record


def beside(path: str, folder: Path) -> str:
    """A path relative to a folder that it lies in, so that both can be moved; as it is otherwise."""
    start = f"{folder}{os.sep}"
    return path.removeprefix(start)
