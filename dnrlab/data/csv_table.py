"""Read tables of videos from CSV files. Errors name the file and the line."""

import csv
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

TEXT = ("path", "label", "split", "source")  # read as text even if all cells look like numbers


SECONDS = ("start_seconds", "end_seconds")


def read_table(file: Path) -> pd.DataFrame:
    """The rows of a CSV file whose header names at least ``path`` and ``label``. Spaces around text are dropped.

    ``start_seconds`` and ``end_seconds`` become floats, nan where a cell is empty.

    Raises: ValueError that names file and line if the file is not UTF-8, lacks one of the two columns or has a column
    twice, a row has more cells than the header, a path or label is empty, or seconds are not a number.
    """
    try:
        rows = parse(file, check_header(file))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file}, line {undecodable_line(file)}: expected text in UTF-8, got other bytes; "
            'save the file again as "CSV UTF-8"'
        ) from error
    for name in TEXT:
        if name in rows:
            rows[name] = [text.strip() for text in rows[name].tolist()]
    for name in ("path", "label"):
        refuse(file, rows[name] == "", rows, f"expected a {name}, got an empty cell; fill it in")
    for name in SECONDS:
        if name in rows:
            times = pd.to_numeric(rows[name], errors="coerce").astype(float)
            wrong = ~np.isfinite(times) & (rows[name].astype(str).str.strip() != "")
            found = ", ".join(repr(str(cell)) for cell in rows[name][wrong].head(1))
            refuse(file, wrong, rows, f"expected {name} to be a number or empty, got {found}; correct it")
            rows[name] = times
    return rows


def as_text(column: pd.Series) -> pd.Series:
    """The cells of a column as texts; '' where a cell is empty."""
    return column.map(lambda cell: "" if pd.isna(cell) else str(cell).strip())


def check_header(file: Path) -> list[str]:
    """The names of the columns. ValueError unless the first line names path and label, and each column once."""
    line, header = next(numbered_records(file), (1, []))
    names = [name.strip() for name in header]
    missing = [name for name in ("path", "label") if name not in names]
    if not names:
        raise ValueError(
            f"{file}: expected a CSV file with a header, got an empty file; write the first line path,label,split"
        )
    if missing:
        raise ValueError(
            f"{file}, line {line}: expected columns path and label, got {', '.join(names)}; separate columns by "
            f"commas, and add or rename a column to {', '.join(missing)}. If this is a list without a header, convert "
            f"it by: dnrlab manifest build list --annotations train={file} --videos FOLDER --out NAME.csv"
        )
    twice = sorted({name for name in names if names.count(name) > 1} - {""})
    if twice:
        raise ValueError(f"{file}, line {line}: expected each column once, got {', '.join(twice)} twice; rename one")
    return [name or f"unnamed {number}" for number, name in enumerate(names, start=1)]


def parse(file: Path, names: list[str]) -> pd.DataFrame:
    """The rows as pandas reads them. ValueError names a line with more cells than there are ``names``."""
    text: dict[str, Any] = {"dtype": dict.fromkeys(TEXT, str), "keep_default_na": False, "na_values": {}}
    try:
        with warnings.catch_warnings(record=True) as warned:  # pandas warns when it cuts a row to the header's length
            warnings.simplefilter("always", pd.errors.ParserWarning)
            rows = pd.read_csv(file, names=names, header=0, index_col=False, low_memory=False, **text)
        if warned:
            refuse_long_rows(file, len(names))
    except pd.errors.ParserError as error:
        refuse_long_rows(file, len(names))
        raise ValueError(
            f"{file}: expected a CSV file, got text that pandas cannot read ({error}); "
            "look for an open double quote or a stray comma"
        ) from error
    return rows


def refuse_long_rows(file: Path, width: int) -> None:
    """ValueError names the first row with text in a cell beyond the header's. Trailing commas are allowed."""
    for line, cells in numbered_records(file):
        if any(cell.strip() for cell in cells[width:]):
            raise ValueError(
                f"{file}, line {line}: expected {width} cells, as in the header, got {len(cells)} ({','.join(cells)}); "
                "put a cell that holds a comma in double quotes"
            )


def numbered_records(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The header and each row, with the line where it begins. A quoted cell may span lines; blank lines are skipped."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        line = 1
        try:
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip():
                    yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(
                f"{file}, line {line}: expected CSV, got text that csv cannot read ({error}); "
                "look for an open double quote"
            ) from error


def line_numbers(file: Path, rows: Sequence[int]) -> list[int]:
    """The line of ``file`` in which each row begins. Row 0 is the first row below the header."""
    wanted = set(rows)
    found = {row: line for row, (line, _) in enumerate(islice(numbered_records(file), 1, max(wanted) + 2))}
    return [found[row] for row in rows]


def undecodable_line(file: Path) -> int:
    """The first line of a file that is not valid UTF-8."""
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1


def refuse(file: Path, bad: ArrayLike, rows: pd.DataFrame, what: str) -> None:
    """Raise ValueError if a row is bad. It names file and line of the first bad row, and the number of bad rows."""
    flags = np.asarray(bad, dtype=bool)
    if flags.any():
        first = int(flags.argmax())
        shown = f"path {rows['path'].iloc[first]!r}, label {rows['label'].iloc[first]!r}"
        (line,) = line_numbers(file, [first])
        raise ValueError(f"{file}, line {line}: {what} ({shown}); rows with this error: {int(flags.sum())}")
