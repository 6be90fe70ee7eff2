"""Missing and damaged frames are noted: from the packets, and by decoding; intact files have no note."""

import logging
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dnrlab.data.check.check import check_manifest
from dnrlab.data.decode.damage import gaps, usual_step
from dnrlab.data.decode.reader import READER, VideoFiles
from dnrlab.data.decode.types import VideoError
from dnrlab.data.manifest import Manifest
from dnrlab.data.packed_rows import Row
from dnrlab.data.video_span import locate, log_damage
from tests.helpers.containers import CELLS, make
from tests.helpers.encoding import encoded, noise, sound, stream_of
from tests.helpers.mutants import SOURCES, mutant, sources
from tests.helpers.odd_videos import GOOD, zeroed

INTACT = [odd for odd in GOOD if "folder" not in odd.name and "frames" not in odd.name]


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    """A Matroska file of 30 frames with zeros in its middle: FFmpeg goes on at the next cluster."""
    folder = tmp_path_factory.mktemp("zeros")
    path = encoded(folder / "whole.mkv", noise(), g="10", muxer={"cluster_time_limit": "300"})
    (folder / "zeros.mkv").write_bytes(zeroed(path.read_bytes()))
    return str(folder / "zeros.mkv")


def check(*paths):
    """The check of a manifest with these files, in the folder of the first one."""
    rows = pd.DataFrame({"path": list(map(str, paths)), "label": "odd", "split": "train"})
    manifest = Manifest(rows=rows, classes=("odd",), flip="none", file=Path(paths[0]).with_name("videos.csv"))
    return check_manifest(manifest, workers=1)


def test_a_step_is_a_gap_if_nothing_is_shown_for_so_long():
    steady = [(100 * n, 100) for n in (*range(10), *range(24, 30))]
    assert gaps(steady, 1e-3) == ["between 0.9 s and 2.4 s, where 14 would be"]
    assert gaps([(time, 1500) for time, _ in steady], 1e-3) == []  # the container shows each frame for so long
    assert gaps([(100 * n, 100) for n in range(30)], 1e-3) == []
    varied = [(int(time), 0) for time in np.cumsum([20, 390, 40, 210, 350, 30, 90, 400, 260, 120])]
    assert gaps(varied, 1e-3) == []
    assert len(gaps([*varied, (8000, 0)], 1e-3)) == 1
    assert gaps([(0, 100), (100, 100), (100, 100), (400, 100)], 1e-3) == []  # a clock with equal times
    assert usual_step([(0, 0), (100, 0), (300, 0)]) == 100


def test_zeros_in_the_middle_are_noted_without_decoding(zeros):
    info = READER.probe(zeros)
    assert info.num_frames < 30
    assert info.note.startswith("no frame between")


def test_a_check_notes_them(zeros):
    result = check(zeros)
    assert result.errors.empty
    (note,) = [each for each in result.warnings if "signs of damage" in each]
    assert "zeros.mkv: no frame between" in note
    assert result.files["note"][0].startswith("no frame between")
    assert check(zeros).decoded == 0  # what was found is stored


def test_reading_logs_them_once(zeros, caplog):
    log_damage.cache_clear()
    with caplog.at_level(logging.WARNING, "dnrlab"):
        for _ in range(2):
            locate(Row(zeros, 0, np.nan, np.nan), READER)
    (message,) = [record.getMessage() for record in caplog.records if "no frame between" in record.getMessage()]
    assert zeros in message


def test_few_files_are_logged(caplog):
    log_damage.cache_clear()
    with caplog.at_level(logging.WARNING, "dnrlab"):
        for number in range(100):
            log_damage(f"{number}.mkv", "no frame after 1 s")
    assert len(caplog.records) == 10


@pytest.mark.parametrize("odd", INTACT, ids=lambda odd: odd.name)
def test_intact_files_have_no_note(odd, tmp_path):
    path = str(odd.make(tmp_path))
    assert READER.probe(path).note == ""
    assert VideoFiles().flaws(path) == ""


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_intact_files_of_all_containers_and_codecs_have_no_note(cell, tmp_path):
    path = make(cell, tmp_path)
    assert READER.probe(path).note == ""
    assert VideoFiles().flaws(path) == ""


def test_a_pause_is_no_hole_where_the_container_knows_of_it(tmp_path):
    """B-frames around a pause, as in recordings of a screen: the frame after it is stored before those before it."""
    times = [*range(0, 1320, 33), *range(3320, 4640, 33)]
    path = encoded(tmp_path / "pause.mp4", noise(len(times)), times=times, bf="3", g="200")
    assert READER.probe(str(path)).note == ""


def test_frames_that_avi_holds_are_no_hole(tmp_path):
    """FFmpeg writes an empty chunk for each further time that a frame is shown."""
    path = encoded(tmp_path / "held.avi", noise(8), "mpeg4", times=[0, 100, 200, 300, 900, 1000, 1100, 1200], rate=10)
    assert READER.probe(str(path)).note == ""


def test_sound_that_lasts_longer_is_no_hole(tmp_path):
    with av.open(str(tmp_path / "long.mkv"), "w") as container:
        stream = stream_of(container, noise(10), "libx264", "yuv420p")
        sound(container, num_samples=16000 * 4)
        for picture in noise(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert READER.probe(str(tmp_path / "long.mkv")).note == ""


def damaged(folder, source, flip):
    """A copy of a video in which the bits of some bytes in the middle are changed."""
    content = bytearray(source.read_bytes())
    for place in np.random.default_rng(0).integers(len(content) // 2, len(content) * 3 // 4, flip):
        content[place] ^= 0x10
    (folder / f"flipped{source.suffix}").write_bytes(content)
    return str(folder / f"flipped{source.suffix}")


def test_frames_that_the_decoder_flags_are_noted(tmp_path):
    path = damaged(tmp_path, encoded(tmp_path / "whole.mp4", noise(), "mpeg4"), 8)
    assert READER.probe(path).note == ""
    assert "damaged frame" in VideoFiles().flaws(path)
    assert "damaged frame" in check(path).files["note"][0]


def test_where_decord_hides_damage_pyav_decides(tmp_path):
    """Among damaged WebM files is one of which decord returns all frames, and PyAV refuses one."""
    whole, path = sources(tmp_path), tmp_path / "mutant.webm"
    for seed in (seed for seed in range(1000) if SOURCES[seed % len(SOURCES)].container == "webm"):
        path.write_bytes(mutant(whole, seed).content)
        try:
            info = READER.probe(str(path))
            READER.read_frames(str(path), np.arange(info.num_frames))
        except VideoError:
            continue
        try:
            VideoFiles().flaws(str(path))
        except VideoError:
            break
    else:
        pytest.fail("expected such a file, got none")
    (reason,) = check(path).errors["reason"]
    assert reason.startswith("decoding stopped (PyAV")


def test_a_folder_of_frames_has_no_flaws(tmp_path):
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    assert VideoFiles().flaws(str(tmp_path)) == ""
    assert READER.probe(str(tmp_path)).note == ""
