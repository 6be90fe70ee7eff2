"""Files are written whole, by nobody else's link, and by one process at a time."""

import os
import stat
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from dnrlab import files
from dnrlab.files import atomic_write, open_own
from dnrlab.lock import locked

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and modes of POSIX")


def write(file, text="new"):
    with atomic_write(file) as unfinished:
        unfinished.write_text(text)


def test_a_file_that_is_a_link_is_refused_and_its_target_stays(tmp_path):
    target = tmp_path / "notes.txt"
    target.write_text("mine")
    (tmp_path / "run").mkdir()
    link = tmp_path / "run" / "confusion.csv"
    link.symlink_to(target)
    with pytest.raises(OSError, match=r"confusion\.csv could not be written \(expected a file of its own, got a link"):
        write(link)
    with pytest.raises(OSError, match="got a link to"):
        open_own(link, "a")
    assert target.read_text() == "mine"
    assert [path.name for path in link.parent.iterdir()] == ["confusion.csv"]


def test_links_laid_in_wait_are_not_followed(tmp_path, monkeypatch):
    target = tmp_path / "notes.txt"
    target.write_text("mine")
    monkeypatch.setattr(os, "urandom", lambda number: bytes(number))
    names = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, *rest: names.append(name) or real(name, *rest))
    write(tmp_path / "confusion.csv")
    monkeypatch.setattr(os, "open", real)
    names[0].symlink_to(target)  # the name that the next temporary file will have
    with pytest.raises(OSError, match=r"confusion\.csv could not be written .*File exists"):
        write(tmp_path / "confusion.csv")
    assert target.read_text() == "mine"


def test_names_of_temporary_files_are_new_each_time(tmp_path):
    names = set()
    for _ in range(3):
        with atomic_write(tmp_path / "a.csv") as unfinished:
            names.add(unfinished.name)
    assert len(names) == 3
    assert all(name.startswith("a.unfinished-") and name.endswith(".csv") for name in names)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_others_may_read_what_the_umask_lets_them(tmp_path, umask):
    before = os.umask(umask)
    try:
        with atomic_write(tmp_path / "best.safetensors") as unfinished:
            save_file({"a": torch.zeros(2)}, unfinished)  # makes a file that is private
        assert stat.S_IMODE((tmp_path / "best.safetensors").stat().st_mode) == 0o666 & ~umask
        (tmp_path / "best.safetensors").chmod(0o640)
        with atomic_write(tmp_path / "best.safetensors") as unfinished:
            save_file({"a": torch.zeros(2)}, unfinished)
        assert stat.S_IMODE((tmp_path / "best.safetensors").stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_temporary_files_of_killed_processes_are_removed_and_those_of_others_stay(tmp_path):
    code = (
        "import os, sys, signal\nfrom dnrlab.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as unfinished:\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.csv")], check=False)
    assert len(list(tmp_path.glob("a.unfinished-*"))) == 1
    elsewhere = tmp_path / f"a.unfinished-00000000-{2**22}-00000000.csv"  # of another machine
    elsewhere.touch()
    mine = files.fresh(tmp_path / "a.csv")
    write(tmp_path / "a.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", elsewhere.name, mine.name}


HOLD = "import sys, time\nfrom pathlib import Path\nfrom dnrlab.lock import locked\n"
HOLD += "with locked(Path(sys.argv[1]), 'training'):\n    print('held', flush=True)\n    time.sleep(60)"


def test_a_lock_ends_with_its_process(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(ValueError, match=rf"for this training alone, got process {holder.pid} on .* at work"),
        locked(tmp_path, "training"),
    ):
        pass
    with locked(tmp_path, "evaluation"), locked(tmp_path / "a.csv", "training"):  # others are free
        pass
    holder.kill()
    holder.wait()
    with locked(tmp_path, "training", patience=5):
        pass
