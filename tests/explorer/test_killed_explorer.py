"""A kernel that is killed while the explorer saves leaves whole files alone, and the next one goes on."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dnrlab.explorer.notes import read_notes
from tests.helpers.paths import PROJECT
from tests.helpers.waiting import processes_of, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
KILLS = 8
CODE = """
import dnrlab, itertools
explorer = dnrlab.explore({runs}, {manifest!r}, out_dir={out!r})
print('open', flush=True)
for number in itertools.count():
    for kind in ('picture', 'mp4', 'gif', 'page'):
        explorer.save(kind)
    explorer.body.noting.text.value = f'note {{number}}'
    explorer.body.noting.save()
    if number == {last}:
        break
explorer.body.end()
"""
CHECKS = {
    ".png": lambda file: Image.open(file).load(),
    ".gif": lambda file: Image.open(file).load(),
    ".npz": lambda file: [np.load(file)[name] for name in np.load(file).files],
    ".mp4": lambda file: list(av.open(str(file)).decode(video=0)),
    ".html": lambda file: file.read_text().index("</html>"),
}


def start(runs, manifest, out, last=-1):
    code = CODE.format(runs=runs, manifest=str(manifest), out=str(out), last=last)
    environment = os.environ | {"MARK": str(out)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=environment
    )


def test_killed_while_it_saves(runs, synthetic, tmp_path):
    out, rng = tmp_path / "figures", random.Random(0)
    for _ in range(KILLS):
        process = start(runs, synthetic, out)
        assert process.stdout.readline() == "open\n"
        time.sleep(rng.uniform(0.5, 4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_for(lambda: not processes_of(out), seconds=60)
        for file in out.glob("*"):
            if ".unfinished-" not in file.name and file.suffix in CHECKS:
                CHECKS[file.suffix](file)
    process = start(runs, synthetic, out, last=0)
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert {file.suffix for file in out.iterdir()} >= {*CHECKS}
    assert [file for file in [*out.iterdir(), *Path(runs[0]).iterdir()] if ".unfinished-" in file.name] == []
    assert read_notes(runs[0])["note"].tolist() == ["note 0"]
