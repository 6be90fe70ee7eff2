"""Write files completely or not at all, and explain errors in writing and reading."""

import glob
import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from safetensors import SafetensorError

UNFINISHED = re.compile(r"\.unfinished-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}")  # host, process and a random part
NO_LINKS = getattr(os, "O_NOFOLLOW", 0)  # 0 on Windows


@contextmanager
def atomic_write(file: str | Path) -> Iterator[Path]:
    """Yield a temporary path to write to. It replaces ``file`` when the block ends without an error.

    Until then an old ``file`` stays as it is. A missing folder is made. The temporary file is in the same folder, with
    a new random name, so that nothing else can be written to by a link. Those that killed processes of this machine
    left are removed. Others may read the file if the old one, or else the umask, lets them.

    Raises: OSError that says what to do if the disk is full, the folder is not writable, or ``file`` is a link.
    """
    file = Path(file)
    with explain_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        refuse_link(file)
        remove_abandoned(file)
        unfinished = fresh(file)
    try:
        mode = (file if file.exists() else unfinished).stat().st_mode & 0o777  # a writer may make one that is private
        with explain_write_errors(file):
            yield unfinished
            unfinished.chmod(mode)
            unfinished.replace(file)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def fresh(file: Path) -> Path:
    """Make a temporary file beside ``file``. Its random name also tells machine and process."""
    mark = f"{host()}-{os.getpid()}-{os.urandom(4).hex()}"
    unfinished = file.with_name(f"{file.stem}.unfinished-{mark}{file.suffix}")
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | NO_LINKS, 0o666))
    return unfinished


def host() -> str:
    """A short name of this machine."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def remove_abandoned(file: Path) -> None:
    """Remove temporary files of ``file`` whose processes, on this machine, are gone."""
    for old in file.parent.glob(f"{glob.escape(file.stem)}.unfinished-*{glob.escape(file.suffix)}"):
        found = UNFINISHED.search(old.name)
        if found and found[1] == host() and not is_alive(int(found[2])):
            with suppress(OSError):
                old.unlink()


def is_alive(process: int) -> bool:
    """Whether there is a process with this id. On Windows, where asking would interrupt it, true."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def refuse_link(file: Path) -> None:
    """OSError if a file that is to be written is a link: what it leads to may be any file."""
    if file.is_symlink():
        raise OSError(f"expected a file of its own, got a link to {os.readlink(file)}; remove the link")  # noqa: PTH115


def open_own(file: Path, mode: str, **options: Any) -> IO[Any]:
    """``open`` for a file that is written bit by bit, such as a log. OSError if it is a link."""
    with explain_write_errors(file):
        refuse_link(file)
        return open(file, mode, opener=lambda name, flags: os.open(name, flags | NO_LINKS, 0o666), **options)


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
