"""Files that are whole or not there, and errors that say what to do where they cannot be written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def atomic_write(file: str | Path, writer: str = "") -> Iterator[Path]:
    """Gives a path to write to, which becomes ``file`` when the block ends well; until then the old file stays.

    The folder is made where it is missing. ``writer`` tells apart processes that may write the same file at a time.

    Raises: OSError that says what to do if the disk is full or the folder must not be written.
    """
    file = Path(file)
    unfinished = file.with_name(f"{file.stem}{writer}.unfinished{file.suffix}")
    try:
        with explain_write_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            yield unfinished
            unfinished.replace(file)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def fsync(file: Path) -> None:
    """Wait until what was written is on the disk: some file systems tell only then that it is full."""
    with file.open("rb+") as written:
        os.fsync(written.fileno())


@contextmanager
def explain_write_errors(file: Path) -> Iterator[None]:
    """An error of the disk within the block becomes an OSError that names the file and says what to do."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors wrap what the system says
        kept = ", the one before it is kept" if os.path.isfile(file) else ""  # noqa: PTH113 (Path.is_file may raise)
        raise OSError(
            f"{file} could not be written ({error}){kept}; free space, or give a folder that may be written"
        ) from error
