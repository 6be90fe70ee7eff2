"""The report of a check, NAME.checked.csv beside the manifest: the facts of its files, one line per file.

Each line is written as soon as its file is decoded, so that an interrupted check goes on from there. A line is valid as
long as the file has the same size and modification time, and the decoder is the same. Files that could not be read are
read again.
"""

import csv
import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from dnrlab.data.check.decode_all import Decoded
from dnrlab.data.decode.signature import signature
from dnrlab.data.manifest import Manifest
from dnrlab.files import atomic_write, explain_write_errors, open_own

log = logging.getLogger("dnrlab")

COLUMNS = (*Decoded._fields, "decoder")


TEXT = {"path": str, "times": str, "reason": str, "digest": str, "note": str, "decoder": str}


def checked_file(manifest: Manifest) -> Path:
    """NAME.checked.csv beside NAME.csv."""
    return manifest.file.with_name(f"{manifest.file.stem}.checked.csv")


def read_checked(file: str | Path) -> pd.DataFrame:
    """The facts of all checked files, one row per file: the fields of ``Decoded``, and the ``decoder``.

    Paths are absolute, as in the rows of ``read_manifest``. An incomplete last line is left out.

    A report of an earlier version, with fewer columns, counts as empty: its files are checked again.

    Raises: ValueError if the file was not written by a check.
    """
    file = Path(file)
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    header = text.splitlines()[0].split(",") if text else list(COLUMNS)
    if header != list(COLUMNS) and header[:4] == list(COLUMNS[:4]):
        log.info(f"{file} is of an earlier version: its files are checked again")
        return pd.DataFrame(columns=list(COLUMNS))
    if header != list(COLUMNS):
        raise ValueError(
            f"{file}: expected a report of 'dnrlab manifest check' with columns {', '.join(COLUMNS)}, got the header "
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
    """The rows of files that this decoder could read, and whose size and modification time have not changed."""
    table = table[(table["reason"] == "") & (table["decoder"] == decoder)]
    was = zip(table["path"], table["size"], table["mtime_ns"], strict=True)
    return table[np.array([signature(path) == (size, mtime_ns) for path, size, mtime_ns in was], dtype=bool)]


def write_checked(file: Path, table: pd.DataFrame) -> None:
    """Replace the report by a complete one with these rows."""
    with atomic_write(file) as unfinished:
        table.assign(path=[beside(path, file.parent) for path in table["path"]]).to_csv(
            unfinished, columns=list(COLUMNS), index=False, lineterminator="\n"
        )


@contextmanager
def recording(file: Path, known: pd.DataFrame, decoder: str) -> Iterator[Callable[[Decoded], None]]:
    """Start the report with the known rows. Yields a function that adds a line, which stays even after a kill."""
    write_checked(file, known)
    with open_own(file, "a", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")

        def record(facts: Decoded) -> None:
            one_line = " ".join(facts.reason.split())
            with explain_write_errors(file):
                lines.writerow((*facts._replace(path=beside(facts.path, file.parent), reason=one_line), decoder))
                stream.flush()

        yield record


def beside(path: str, folder: Path) -> str:
    """A path relative to ``folder`` if it is inside it, so that both can be moved; otherwise the path as it is."""
    start = f"{folder}{os.sep}"
    return path.removeprefix(start)
