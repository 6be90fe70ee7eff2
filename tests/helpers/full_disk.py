"""Files that have no space: what is written to them goes to /dev/full."""

from pathlib import Path

from dnrlab import files
from dnrlab.runs.folder import LOG, LogFile


def fill_disk(monkeypatch, *names):
    """From now on the files with these names have no space left."""
    real = files.fresh

    def fresh(file):
        unfinished = real(file)
        if file.name in names:
            unfinished.unlink()
            unfinished.symlink_to("/dev/full")
        return unfinished

    monkeypatch.setattr(files, "fresh", fresh)
    if LOG in names:
        monkeypatch.setattr(LogFile, "_open", lambda _: Path("/dev/full").open("w"))  # noqa: SIM115
