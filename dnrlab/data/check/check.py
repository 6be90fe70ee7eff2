"""A manifest checked: every file decoded to its end, the rows compared, the facts kept for the next time."""

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


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a check found.

    Args:
        files: a row a file, in the order of the manifest, as ``read_checked`` gives them.
        decoded: how many of them were decoded now; the others had not changed.
        errors: what must be mended: ``kind``, ``path``, ``reason``.
        warnings: what is odd, in sentences.
        kept: the file that holds ``files``.
    """

    files: pd.DataFrame
    decoded: int
    errors: pd.DataFrame
    warnings: list[str]
    kept: Path


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

    What is found is kept line by line, so that a check that is stopped goes on where it was when called again.

    Args:
        manifest: the rows to check.
        out: CSV file that keeps the facts; None is NAME.checked.csv beside the manifest.
        reader: what decodes; it is sent to the workers. That of ``reader_for`` gives up files that take too long.
        decoder: name of ``reader`` in the kept file; what another decoder found is found anew.
        workers: processes.
        progress: show a bar on standard error.

    Raises: ValueError if there is no row, or ``out`` is another kind of file; OSError if it cannot be written.
    """
    if workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    if manifest.rows.empty:
        raise ValueError(f"{manifest.file}: expected a row a video, got the header alone; add the videos")
    kept = checked_file(manifest) if out is None else Path(out).resolve()
    paths = list(dict.fromkeys(manifest.rows["path"]))
    earlier = read_checked(kept) if kept.is_file() else pd.DataFrame(columns=list(COLUMNS))
    known = still_true(earlier[earlier["path"].isin(paths)], decoder)
    rest = list(pd.Index(paths).difference(known["path"], sort=False))
    interval = 0.5 if sys.stderr.isatty() else 10  # seconds: a log keeps each line of a bar
    with (
        recording(kept, known, decoder) as record,
        tqdm(total=len(paths), initial=len(known), desc="check", mininterval=interval, disable=not progress) as bar,
    ):
        for facts in decode_many(rest, reader, workers):
            record(facts)
            bar.update()
    files = read_checked(kept).set_index("path").loc[paths].reset_index()
    write_checked(kept, files)
    return Check(
        files=files,
        decoded=len(rest),
        errors=find_errors(manifest, files),
        warnings=find_warnings(manifest, with_facts(manifest, files)),
        kept=kept,
    )
