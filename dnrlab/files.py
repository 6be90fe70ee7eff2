"""Files that are whole or not there, and errors that say what to do where they cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def whole_file(file: str | Path, writer: str = "") -> Iterator[Path]:
    """Gives a path to write to, which becomes ``file`` when the block ends well; until then the old file stays.

    The folder is made where it is missing. ``writer`` tells apart processes that may write the same file at a time.

    Raises: OSError that says what to do if the disk is full or the folder must not be written.
    """
    file = Path(file)
    unfinished = file.with_name(f"{file.stem}{writer}.unfinished{file.suffix}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(file)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch and safetensors wrap what the system says
        kept = ", the one before it is kept" if file.is_file() else ""
        if unfinished.exists():
            unfinished.unlink()
        raise OSError(
            f"{file} could not be written ({error}){kept}; free space, or give a folder that may be written"
        ) from error
