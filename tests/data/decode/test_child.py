"""Decoding in a process of its own: the same frames, and hangs and deaths that stop nothing else."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import Unreadable, VideoViews
from dnrlab.data.decode.child import child_of_thread, decoding_in_child, held, same_core
from dnrlab.data.decode.reader import READER, VideoFiles, forget_facts, reader_of
from dnrlab.data.decode.types import VideoError
from dnrlab.data.loading import view_loader
from dnrlab.data.manifest import Manifest
from tests.helpers.encoding import brightness, encoded, pictures
from tests.helpers.odd_videos import BAD
from tests.helpers.paths import PROJECT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="on Windows files are read in the same process")
MADE_DECORD = """
import os, re
import numpy as np
class DECORDError(Exception): pass
class DECORDLimitReachedError(Exception): pass
def cpu(number): pass
class logging:
    QUIET = -8
    def set_level(level): pass
class VideoReader:
    def __init__(self, path, **options):
        name = os.path.basename(path)
        if name == "hang.mp4":
            re.match("(a+)+$", "a" * 60 + "b")  # for years, and holding the interpreter's lock
        if name == "die.mp4":
            os.abort()
        if name == "break.mp4":
            raise TypeError("a bug")
    def get_batch(self, numbers):
        self.numbers = numbers
        return self
    def asnumpy(self):
        return np.full((len(self.numbers), 8, 8, 3), 7, np.uint8)
"""


@pytest.fixture
def made_decord(tmp_path, monkeypatch):
    """Folder of a decord that hangs on files named hang, dies on those named die, and gives sevens for all others."""
    held.__dict__.pop("child", None)  # one that runs already has the real decord
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "decord.py").write_text(MADE_DECORD)
    monkeypatch.syspath_prepend(tmp_path / "fake")
    for name in ("good", "hang", "die", "break"):
        encoded(tmp_path / f"{name}.mp4", pictures())
    monkeypatch.setattr("dnrlab.data.decode.reader.is_proved", lambda *_: True)  # its frames are made up
    yield tmp_path
    held.__dict__.pop("child", None)  # other tests must not read by this one


def reader(decoder="auto", limit_seconds=60.0):
    return reader_of(VideoFiles(decoder, decoding_in_child(limit_seconds)))


def running(pid):
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone_within(pid, seconds):
    end = time.monotonic() + seconds
    while running(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not running(pid)


def test_frames_and_facts_are_those_read_here(tmp_path):
    small = str(encoded(tmp_path / "small.mp4", pictures()))
    large = str(encoded(tmp_path / "large.mp4", pictures(20, 96, 128)))
    for path, numbers in [
        (small, [3, 0, 3]),
        (large, range(20)),
        (small, range(19, -1, -1)),
    ]:  # memory grows, and stays
        numbers = np.array(numbers)
        assert reader().probe(path) == READER.probe(path)
        first = reader().read_frames(path, numbers)
        again = reader().read_frames(path, numbers)  # in the same memory as the first, which must have been copied
        assert np.array_equal(first, READER.read_frames(path, numbers))
        assert np.array_equal(first, again)


def test_one_process_serves_a_thread_and_each_thread_has_its_own(tmp_path):
    path = str(encoded(tmp_path / "a.mp4", pictures()))

    def read(number):
        frames = [reader().read_frames(path, np.array([number, 5]))[0] for _ in range(3)]
        return np.abs(brightness(np.stack(frames)) - 20 - 8 * number).max(), held.child.process

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(read, range(8)))
    assert max(difference for difference, _ in results) < 3
    processes = {process for _, process in results}
    assert len(processes) <= 2
    assert all(gone_within(process.pid, 5) for process in processes)  # they end with their threads


def test_a_hang_that_holds_the_lock_is_given_up_and_the_epoch_goes_on(made_decord):
    names = ["good", "hang", "good", "die", "good", "good"]
    rows = pd.DataFrame({"path": [str(made_decord / f"{name}.mp4") for name in names], "label": "a"})
    manifest = Manifest(rows=rows, classes=("a",), flip="none", file=PROJECT / "a.csv")
    data = DataConfig(sampling="segments", num_frames=4, short_side=8, crop_size=8)
    views = VideoViews(manifest, data, reader("decord", 2.0))
    videos = list(chain.from_iterable(view_loader(views, 1, 2)))
    assert [
        video.reason if isinstance(video, Unreadable) else round(video.clips().float().mean().item())
        for video in videos
    ] == [
        7,
        "the decoding process gave no answer within 2 s; encode it again or leave it out",
        7,
        f"the decoding process died (exit code {-signal.SIGABRT}); encode it again or leave it out",
        7,
        7,
    ]


def test_pyav_reads_what_decord_hangs_on(made_decord):
    frames = reader("auto", 2.0).read_frames(str(made_decord / "hang.mp4"), np.array([9, 2]))
    assert np.abs(brightness(frames) - [92, 36]).max() < 3


def test_messages_of_decords_ffmpeg_stay_out_of_the_log(tmp_path, capfd, monkeypatch):
    pytest.importorskip("decord")
    monkeypatch.setattr("dnrlab.data.decode.reader.is_proved", lambda *_: True)
    (zeros,) = [odd for odd in BAD if odd.name == "zeros in the middle"]
    path = zeros.make(tmp_path)
    numbers = np.arange(READER.probe(str(path)).num_frames)
    with pytest.raises(VideoError, match="decoding stopped"):
        VideoFiles("decord").read_frames(str(path), numbers)
    assert "[h264" in capfd.readouterr().err  # what would be printed
    with pytest.raises(VideoError, match="decoding stopped"):
        reader("decord").read_frames(str(path), numbers)
    assert capfd.readouterr().err == ""


def test_an_error_of_any_type_is_the_files_and_pyav_reads_it(made_decord):
    path = str(made_decord / "break.mp4")
    with pytest.raises(VideoError, match=r"break.mp4: cannot be read \(TypeError: a bug\); encode it again") as error:
        reader("decord").read_frames(path, np.array([9]))
    assert error.value.path == path
    assert brightness(reader().read_frames(path, np.array([9]))) == pytest.approx(20 + 8 * 9, abs=1)


@pytest.mark.parametrize("request_of", ["probe", "read_frames"])
def test_a_child_that_is_killed_once_is_asked_again(tmp_path, monkeypatch, request_of):
    path, read, kills = str(encoded(tmp_path / "a.mp4", pictures())), reader(), []
    read.read_frames(path, np.array([0]))
    forget_facts()
    send = Connection.send

    def killed(connection, message):  # while the child works
        if not kills:
            kills.append(child_of_thread(60.0).process.pid)
            os.kill(kills[0], signal.SIGKILL)
            child_of_thread(60.0).process.wait()
        send(connection, message)

    monkeypatch.setattr(Connection, "send", killed)
    if request_of == "probe":
        assert read.probe(path).num_frames == 20
    else:
        assert brightness(read.read_frames(path, np.array([9]))) == pytest.approx(20 + 8 * 9, abs=1)
    assert child_of_thread(60.0).process.pid != kills[0]


def test_a_child_that_is_killed_twice_on_a_file_blames_it(tmp_path, monkeypatch):
    path, read = str(encoded(tmp_path / "a.mp4", pictures())), reader()
    send = Connection.send

    def killed(connection, message):
        child_of_thread(60.0).process.kill()
        child_of_thread(60.0).process.wait()
        send(connection, message)

    monkeypatch.setattr(Connection, "send", killed)
    with pytest.raises(VideoError, match="the decoding process died"):
        read.probe(path)


def test_an_interrupt_does_not_leave_its_answer_to_the_next_question(made_decord, monkeypatch):
    path = str(made_decord / "good.mp4")
    reader("pyav").probe(path)
    child = child_of_thread(60.0)

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(child.connection, "recv", interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt):
        reader("pyav").read_frames(path, np.array([9]))
    assert abs(reader("pyav").read_frames(path, np.array([2])).mean() - 36) < 3


@pytest.mark.parametrize("name", ["good", "hang"])
def test_nothing_outlives_a_parent_that_is_killed(made_decord, name):
    code = f"""
import sys, threading, time
import numpy as np
from dnrlab.data.decode.reader import VideoFiles
from dnrlab.data.decode.child import decoding_in_child, held
files = VideoFiles("decord", decoding_in_child(3.0))
files.probe({str(made_decord / "good.mp4")!r})
print(held.child.process.pid, "torch" in sys.modules, flush=True)
files.read_frames({str(made_decord / f"{name}.mp4")!r}, np.array([0]))
time.sleep(60)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        pid, torch_imported = parent.stdout.readline().split()
        assert running(pid)
        time.sleep(0.5)
        parent.kill()
    assert gone_within(pid, 6)
    assert torch_imported == "False"  # a child starts as quickly as numpy


def test_a_process_that_ends_takes_its_child_along(made_decord):
    code = f"""
from dnrlab.data.decode.reader import VideoFiles
from dnrlab.data.decode.child import decoding_in_child, held
VideoFiles("decord", decoding_in_child()).probe({str(made_decord / "good.mp4")!r})
print(held.child.process.pid)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    assert not running(done.stdout.strip())


def test_a_file_that_is_no_video_is_an_error_at_once(tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        reader().probe(str(tmp_path / "none.mp4"))


@pytest.mark.skipif(sys.platform != "linux", reason="cores are given on Linux alone")
def test_the_process_runs_on_the_core_of_the_one_that_waits_for_it(made_decord):
    own = os.sched_getaffinity(0)
    try:
        for core in sorted(own):
            os.sched_setaffinity(0, {core})
            reader().read_frames(str(made_decord / "good.mp4"), np.array([0]))
            assert os.sched_getaffinity(held.child.process.pid) == {core}
    finally:
        os.sched_setaffinity(0, own)
    assert same_core(held.child.process.pid, before=-1) in own


def test_parts_of_two_videos_do_not_mix_also_if_a_child_is_killed_between_them(tmp_path, monkeypatch):
    paths = [str(encoded(tmp_path / "a.mp4", pictures())), str(tmp_path / "b.mp4")]
    shutil.copy(*paths)  # encoding twice may give two files
    whole = READER.read_frames(paths[0], np.arange(20))
    monkeypatch.setattr("dnrlab.data.decode.reader.PART_BYTES", 3 * 48 * 64 * 3)
    read, found = reader(), []
    for number, part in enumerate(read.read_parts(paths[0], np.arange(20))):
        found.append(np.array(part))
        if number == 1:
            other = read.read_parts(paths[1], np.arange(3, 20))  # begun, and not read to its end
            assert np.array_equal(next(other), whole[3:6])
        if number == 3:
            os.kill(child_of_thread(60.0).process.pid, signal.SIGKILL)
            child_of_thread(60.0).process.wait()
    assert np.array_equal(np.concatenate(found), whole)
