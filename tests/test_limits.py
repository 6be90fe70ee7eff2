"""Limits of the machine are met before work starts, or end in one line."""

import errno
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from dnrlab import limits
from dnrlab.data.check.decode_all import decode_whole
from dnrlab.data.decode.types import Reader
from tests.helpers.paths import PROJECT


def run(*words, before):
    """A command after a change of the shell's limits."""
    command = f"{before}; exec {sys.executable} -m {' '.join(words)}"
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )


def test_shared_memory_is_looked_at_before_workers_start(monkeypatch):
    monkeypatch.setattr(limits.os, "statvfs", lambda _: SimpleNamespace(f_bavail=2**14, f_frsize=2**12))  # 64 MiB
    limits.check_shared_memory(2**23, 4)  # 4 workers, 2 batches of 8 MiB each
    limits.check_shared_memory(2**40, 0)
    with pytest.raises(ValueError, match=r"expected 128 MiB of shared memory for 8 workers, got 64 MiB in /dev/shm"):
        limits.check_shared_memory(2**23, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="sets limits of Linux")
def test_a_low_limit_of_open_files_is_raised(synthetic, tmp_path):
    words = f"dnrlab train --manifest {synthetic} --out {tmp_path / 'run'} --epochs 1 --batch-size 8 --num-frames 4"
    done = run(*words.split(), "--crop-size 16 --short-side 18 --width 8 --num-workers 2", before="ulimit -Sn 40")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="sets limits of Linux")
def test_a_limit_that_cannot_be_raised_ends_in_a_line(synthetic, tmp_path):
    words = f"dnrlab manifest check {synthetic} --out {tmp_path / 'checked.csv'} --workers 4"
    done = run(*words.split(), before="ulimit -n 24")
    assert done.returncode == 1
    assert done.stderr == "error: expected at least 128 files that may be open, got 24; raise it: ulimit -n 1024\n"


def test_a_full_table_of_files_is_no_fault_of_a_video(monkeypatch):
    def full(_):
        raise OSError(errno.EMFILE, "Too many open files")

    with pytest.raises(OSError, match="Too many open files"):
        decode_whole("a.mp4", Reader(full, full))


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit of Linux is not installed")
@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_lack_of_memory_ends_in_a_line(synthetic, tmp_path, num_workers):
    words = f"dnrlab train --manifest {synthetic} --out {tmp_path / 'run'} --epochs 1 --batch-size 20 --num-frames 64"
    words += f" --crop-size 112 --short-side 112 --model tsn_resnet50 --num-workers {num_workers}"
    done = run(*words.split(), before=f"prlimit --pid $$ --as={2 * 2**30}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "more memory of this machine, got none; lower batch_size" in done.stderr.splitlines()[-1]


def test_what_is_a_lack_of_memory_and_what_is_not():
    text = "[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 2097152 bytes. Error 12"
    assert "expected 2 MiB more memory of this machine, got none" in limits.lack_of_memory(RuntimeError(text))
    assert "expected some more memory of this machine" in limits.lack_of_memory(MemoryError())
    assert "more memory of the GPU" in limits.lack_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    killed = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
    assert "lower num_workers" in limits.lack_of_memory(killed)
    assert limits.lack_of_memory(RuntimeError("another")) == ""
