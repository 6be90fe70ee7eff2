"""Check a manifest: decode every file to its end, compare the rows, and store the facts for the next check."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dnrlab.data.check.decode_all import decode_many
from dnrlab.data.check.errors import find_errors, with_facts
from dnrlab.data.check.report import COLUMNS, checked_file, read_checked, recording, still_true, write_checked
from dnrlab.data.check.warnings import find_warnings
from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import Reader
from dnrlab.data.manifest import Manifest
from dnrlab.lock import locked


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of a check.

    Args:
        files: one row per file, in the order of the manifest, with the columns of ``read_checked``.
        decoded: number of files that this check decoded; the others had not changed since an earlier check.
        errors: what must be fixed: columns ``kind``, ``path`` and ``reason``.
        warnings: what is unusual but allowed, one sentence each.
        report_file: the CSV file with ``files``.
    """

    files: pd.DataFrame
    decoded: int
    errors: pd.DataFrame
    warnings: list[str]
    report_file: Path


def check_manifest(
    manifest: Manifest,
    *,
    out: str | Path | None = None,
    reader: Reader = READER,
    decoder: str = "auto",
    workers: int = 2,
    progress: bool = False,
) -> Check:
    """Decode every file to its end, unless an earlier check did so and it has not changed since.

    Each fact is written to the report file as soon as it is known. So the same call after an interrupt goes on from
    there.

    Args:
        manifest: the rows to check.
        out: the report, a CSV file; None for NAME.checked.csv beside the manifest.
        reader: decodes the files; it is pickled for the workers. The reader of ``reader_for`` stops files that take
            too long.
        decoder: name of ``reader`` in the report; files that were checked with another decoder are decoded again.
        workers: number of processes.
        progress: show a progress bar on standard error.

    Raises: ValueError if there is no row, ``out`` is another kind of file, or another check writes it; OSError
        if ``out`` cannot be written.
    """
    if workers < 1:
        raise ValueError(f"expected workers of at least 1, got {workers}; raise workers")
    if manifest.rows.empty:
        raise ValueError(f"{manifest.file}: expected one row per video, got only the header; add the videos")
    report_file = checked_file(manifest) if out is None else Path(out).resolve()
    with locked(report_file, "check"):
        return decode_and_compare(manifest, report_file, reader, decoder, workers, progress=progress)


def decode_and_compare(
    manifest: Manifest, report_file: Path, reader: Reader, decoder: str, workers: int, *, progress: bool
) -> Check:
    """The work of ``check_manifest``."""
    paths = list(dict.fromkeys(manifest.rows["path"]))
    earlier = read_checked(report_file) if report_file.is_file() else pd.DataFrame(columns=list(COLUMNS))
    known = still_true(earlier[earlier["path"].isin(paths)], decoder)
    rest = list(pd.Index(paths).difference(known["path"], sort=False))
    interval = 0.5 if sys.stderr.isatty() else 10  # seconds; longer in a log file, which stores every state of the bar
    with (
        recording(report_file, known, decoder) as record,
        tqdm(total=len(paths), initial=len(known), desc="check", mininterval=interval, disable=not progress) as bar,
    ):
        for facts in decode_many(rest, reader, workers):
            record(facts)
            bar.update()
    files = read_checked(report_file).set_index("path").loc[paths].reset_index()
    write_checked(report_file, files)
    return Check(
        files=files,
        decoded=len(rest),
        errors=find_errors(manifest, files),
        warnings=find_warnings(manifest, with_facts(manifest, files)),
        report_file=report_file,
    )
