"""Write files completely or not at all, and explain errors in writing and reading."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def atomic_write(file: str | Path, writer: str = "") -> Iterator[Path]:
    """Yield a temporary path to write to. It replaces ``file`` when the block ends without an error.

    Until then an old ``file`` stays as it is. A missing folder is made. ``writer`` is a suffix for the temporary path:
    processes that may write the same file at once pass different ones.

    Raises: OSError that says what to do if the disk is full or the folder is not writable.
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
    """Wait until a written file is on the disk. Some file systems report a full disk only then."""
    with file.open("rb+") as written:
        os.fsync(written.fileno())


@contextmanager
def explain_write_errors(file: Path) -> Iterator[None]:
    """Turn an error of writing within the block into an OSError that names the file and says what to do."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors wrap the system's OSError
        old = ", the old file is unchanged" if os.path.isfile(file) else ""  # noqa: PTH113 (Path.is_file may raise)
        raise OSError(
            f"{file} could not be written ({error}){old}; free space, or give a folder that may be written"
        ) from error


@contextmanager
def explain_read_errors(file: Path, advice: str) -> Iterator[None]:
    """Name the file in whatever fails while its content is read within the block.

    A file that was cut or damaged makes readers raise errors of many types. They become a ValueError with the advice.
    Where the file cannot be opened, the error stays an OSError, for the file itself may be whole. A lack of memory is
    no fault of the file, either.

    Args:
        advice: what to do with a damaged file, such as "remove it; the training then starts again".
    """
    try:
        yield
    except OSError as error:
        raise OSError(f"{file} could not be read ({error}); check its permissions, or try again") from error
    except Exception as error:
        if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
            raise
        detail = (str(error).strip().splitlines() or [""])[0]
        raise ValueError(
            f"expected a whole file at {file}, got one that cannot be read ({type(error).__name__}: {detail}); {advice}"
        ) from error
