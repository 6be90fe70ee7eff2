"""The check of a manifest: what is planted is found and named, and nothing that was found is lost."""

import json
import multiprocessing
import os
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from dnrlab.data.cards import card_of
from dnrlab.data.check.check import check_manifest
from dnrlab.data.check.decode_all import DIED, decode_whole
from dnrlab.data.check.errors import kind_of, readable
from dnrlab.data.check.report import read_checked
from dnrlab.data.decode.types import Reader, VideoError, VideoInfo
from dnrlab.data.manifest import read_manifest


class Pretended(NamedTuple):
    """Reads any file as a video of 20 frames, 10 a second, and notes its name; some names have an outcome."""

    log: Path
    seconds: float = 0.0

    def probe(self, path):
        with self.log.open("a") as stream:
            stream.write(f"{Path(path).name}\n")
        time.sleep(self.seconds)
        name = Path(path).stem
        if name.startswith("junk"):
            raise VideoError(path, f"not a video ({len(name)}); encode it again")
        if name.startswith("killer"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("odd"):
            raise OSError("a surprise\nin two lines")
        if not Path(path).exists():
            raise VideoError(path, "no such file; correct it")
        return VideoInfo(20, float("nan") if name.startswith("rateless") else 10.0)

    def read_frames(self, path, indices):
        if Path(path).stem.startswith("short") and indices.max() > 12:
            raise VideoError(path, "decoding stopped, encode it again (frame 13)")
        return np.zeros((len(indices), 4, 4, 3), np.uint8)

    def reader(self):
        return Reader(self.probe, self.read_frames)

    def asked(self):
        return sorted(set(self.log.read_text().split())) if self.log.exists() else []


@pytest.fixture
def pretended(tmp_path):
    return Pretended(tmp_path / "asked.log")


def make(folder, names, **columns):
    """A manifest of files that are made with bytes of their own, unless they stand there or are 'gone'."""
    for name in names:
        if "gone" not in name and not (folder / name).exists():
            (folder / name).write_text(name)
    table = pd.DataFrame({"path": names, "label": "run", "split": "train"} | columns)
    table.to_csv(folder / "videos.csv", index=False)
    return read_manifest(folder / "videos.csv")


def errors(check):
    return [(kind, Path(path).name, reason) for kind, path, reason in check.errors.itertuples(index=False)]


def test_what_cannot_be_read_is_named_and_counted_by_reason(tmp_path, pretended):
    names = ["a.mp4", "junk1.mp4", "gone.mp4", "junk22.mp4", "short.mp4", "odd.mp4", "b.mp4"]
    check = check_manifest(make(tmp_path, names), reader=pretended.reader())
    assert errors(check) == [
        ("not a video", "junk1.mp4", "not a video (5); encode it again"),
        ("no such file", "gone.mp4", "no such file; correct it"),
        ("not a video", "junk22.mp4", "not a video (6); encode it again"),
        ("decoding stopped", "short.mp4", "decoding stopped, encode it again (frame 13)"),
        ("OSError", "odd.mp4", "OSError: a surprise in two lines"),
    ]
    assert [Path(path).name for path in check.files["path"]] == names
    assert check.files["num_frames"].tolist() == [20, 0, 0, 0, 0, 0, 20]
    assert check.files["duration_seconds"].dropna().tolist() == [2.0, 2.0]


def test_reasons_that_differ_in_numbers_alone_are_of_one_kind():
    assert kind_of("decoding stopped after 15 of 19 frames, fewer") == "decoding stopped after N of N frames"
    assert kind_of("frame 00007.jpg cannot be decoded: cut") == "frame N cannot be decoded"
    assert kind_of("an empty file (0 bytes); copy it") == "an empty file"


def test_a_file_that_kills_its_decoder_is_bad_and_the_check_goes_on(tmp_path, pretended):
    names = [f"{letter}.mp4" for letter in "abcdef"]
    check = check_manifest(
        make(tmp_path, [*names[:2], "killer1.mp4", *names[2:], "killer2.mp4"]), reader=pretended.reader()
    )
    assert errors(check) == [(kind_of(DIED), f"killer{number}.mp4", DIED) for number in (1, 2)]
    assert (check.files["reason"] == "").sum() == 6


def test_workers_do_not_change_what_is_found(tmp_path, pretended):
    manifest = make(tmp_path, [f"{number}.mp4" for number in range(12)] + ["junk.mp4", "gone.mp4"])
    checks = [
        check_manifest(manifest, reader=pretended.reader(), workers=workers, out=tmp_path / f"{workers}.csv")
        for workers in (1, 3)
    ]
    pd.testing.assert_frame_equal(checks[0].files, checks[1].files)
    pd.testing.assert_frame_equal(checks[0].errors, checks[1].errors)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "3.csv").read_bytes()


def test_only_what_is_new_changed_or_bad_is_decoded_again(tmp_path, pretended):
    names = ["a.mp4", "b.mp4", "junk.mp4", "gone.mp4"]
    assert check_manifest(make(tmp_path, names), reader=pretended.reader()).decoded == 4
    pretended.log.unlink()
    (tmp_path / "b.mp4").write_text("another")
    check = check_manifest(make(tmp_path, [*names, "c.mp4"]), reader=pretended.reader())
    assert pretended.asked() == ["b.mp4", "c.mp4", "gone.mp4", "junk.mp4"]
    assert (check.decoded, len(check.files), len(check.errors)) == (4, 5, 2)
    assert check_manifest(make(tmp_path, names), reader=pretended.reader(), decoder="pyav").decoded == 4
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    assert check_manifest(make(tmp_path, names), reader=pretended.reader(), decoder="pyav").decoded == 3


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="process groups are POSIX")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_check_that_is_stopped_goes_on_where_it_was(tmp_path, pretended, ending):
    manifest = make(tmp_path, [f"{number:02d}.mp4" for number in range(30)])
    report = tmp_path / "videos.checked.csv"

    def first():
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        check_manifest(manifest, reader=pretended._replace(seconds=0.5).reader())

    process = multiprocessing.get_context("fork").Process(target=first)
    process.start()
    while not report.exists() or report.read_text().count("\n") < 6:
        time.sleep(0.02)
    os.killpg(process.pid, ending)
    process.join()
    known = {Path(path).name for path in read_checked(report)["path"]}
    assert 5 <= len(known) < 30
    with report.open("a") as stream:
        stream.write("29.mp4,20,10.0,2.")  # a line that a kill left unfinished
    pretended.log.unlink()
    check = check_manifest(manifest, reader=pretended.reader())
    assert pretended.asked() == sorted({f"{number:02d}.mp4" for number in range(30)} - known)
    assert len(check.files) == 30
    assert check.errors.empty


def test_the_same_video_twice_is_found_under_another_name_and_as_a_copy(tmp_path, pretended):
    (tmp_path / "a.mp4").write_text("a.mp4")
    (tmp_path / "copy.mp4").write_text("a.mp4")
    (tmp_path / "like.mp4").write_text("b.mp4")  # of the same size
    (tmp_path / "link.mp4").symlink_to("a.mp4")
    names = ["a.mp4", "copy.mp4", "like.mp4", "link.mp4", "./like.mp4"]
    first, second = tmp_path / "a.mp4", tmp_path / "like.mp4"
    assert errors(check_manifest(make(tmp_path, names), reader=pretended.reader())) == [
        ("a video twice", "copy.mp4", f"a copy of {first}; remove one of the two"),
        ("a video twice", "link.mp4", f"another name of {first}; remove one of the two"),
        ("a video twice", "like.mp4", f"another name of {second}; remove one of the two"),
    ]


def test_folders_of_frames_are_compared_by_their_pictures(tmp_path):
    for folder, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "00001.jpg").write_text(text)
    reader = Pretended(tmp_path / "asked.log").reader()
    a, b, c = (decode_whole(str(tmp_path / name), reader) for name in "abc")
    assert a.digest == b.digest != c.digest
    (tmp_path / "a" / "00001.jpg").write_text("other")
    assert (again := decode_whole(str(tmp_path / "a"), reader)).size != a.size
    assert again.digest != a.digest


def test_sources_and_videos_in_two_splits_are_found(tmp_path, pretended):
    names = ["a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4"]
    splits, sources = ["train", "test", "train", "", "val"], ["film 1", "film 1", "", "film 2", "film 2"]
    found = errors(check_manifest(make(tmp_path, names, split=splits, source=sources), reader=pretended.reader()))
    where = f"train ({tmp_path / 'a.mp4'}) and in test ({tmp_path / 'b.mp4'}); keep it in one split"
    assert found == [("a source in two splits", "a.mp4", f"source film 1 is in {where}")]
    spans = {"start_seconds": [0, 1], "end_seconds": [1, 2], "split": ["train", "val"]}
    found = errors(check_manifest(make(tmp_path, ["a.mp4", "a.mp4"], **spans), reader=pretended.reader()))
    assert [kind for kind, _, _ in found] == ["a video in two splits"]


def test_sources_that_official_splits_share_are_a_warning_where_the_card_says_so(tmp_path, pretended):
    names = ["a.mp4", "b.mp4", "c.mp4"]
    (tmp_path / "c.mp4").write_text("a.mp4")
    manifest = make(tmp_path, names, split=["train", "test", "test"], source=["film 1", "film 1", "film 2"])
    kinds = ["a source in two splits", "a video in two splits", "a video twice"]
    assert sorted(check_manifest(manifest, reader=pretended.reader()).errors["kind"]) == kinds
    for card in ('{"flip": "mirror", "splits_share_sources": true}', json.dumps(asdict(card_of("hmdb51")))):
        (tmp_path / "videos.card.json").write_text(card)
        check = check_manifest(manifest, reader=pretended.reader())
        assert sorted(check.errors["kind"]) == kinds[1:]
        where = f"source film 1 is in train ({tmp_path / 'a.mp4'}) and in test ({tmp_path / 'b.mp4'})"
        assert check.warnings[-1] == f"1 sources in two splits, as in the official splits of the set, such as {where}"


def test_what_can_be_read_is_the_rest_row_by_row(tmp_path, pretended):
    names = ["a.mp4", "junk.mp4", "a.mp4", "gone.mp4", "b.mp4"]
    manifest = make(tmp_path, names, start_seconds=[0, 0, 3, 0, 1], end_seconds=[1, 1, 4, 1, 2])
    files = check_manifest(manifest, reader=pretended.reader()).files
    rest = readable(manifest, files)
    pd.testing.assert_frame_equal(rest.rows, manifest.rows.iloc[[0, 4]].reset_index(drop=True))
    assert rest.classes == manifest.classes
    test = replace(manifest, rows=manifest.rows.iloc[[1, 3]])  # a split of it
    with pytest.raises(ValueError, match=r"videos.csv: expected videos that can be read, got none in 2 rows"):
        readable(test, files)


def test_a_manifest_without_a_row_is_refused(tmp_path, pretended):
    with pytest.raises(ValueError, match=r"videos.csv: expected one row per video, got only the header"):
        check_manifest(make(tmp_path, []), reader=pretended.reader())


def test_time_spans_are_held_against_the_video(tmp_path, pretended):
    names = ["a.mp4", "b.mp4", "c.mp4", "rateless.mp4"]  # of 2 s
    manifest = make(tmp_path, names, start_seconds=[0, 3, 1, 0], end_seconds=[2, 4, 5, 1])
    check = check_manifest(manifest, reader=pretended.reader())
    assert [(kind, path) for kind, path, _ in errors(check)] == [
        ("a time span without a frame", "b.mp4"),
        ("a time span without a frame", "rateless.mp4"),
    ]
    assert (
        f"1 rows whose end is after the video's end, which is used instead, such as {tmp_path / 'c.mp4'}: 5 s of 2 s"
        in check.warnings
    )


def test_what_is_odd_is_a_warning_and_no_error(tmp_path, pretended):
    (tmp_path / "videos.classes.txt").write_text("run\nRun \nRUN  fast\nrun fast\nfly\n")
    names, numbers = ["a.mp4", "b.mp4", "c.mp4"], ["20", "", "16"]
    labels, splits = ["run", "run fast", "RUN  fast"], ["train", "", "extra"]
    manifest = make(tmp_path, names, label=labels, num_frames=numbers, split=splits)
    check = check_manifest(manifest, reader=pretended.reader())
    assert check.errors.empty
    assert check.warnings == [
        "no rows of split val",
        "no rows of split test",
        "other splits, which are used only if an evaluation names them: (empty), extra",
        "classes without training videos: RUN  fast, Run, fly, run fast",
        "labels that differ only in case or spaces: 'run' / 'Run', 'RUN  fast' / 'run fast'",
        f"1 rows whose num_frames differs from the file, such as {tmp_path / 'c.mp4'}: num_frames 16, decoded 20",
    ]
    assert check_manifest(manifest, reader=pretended.reader()).decoded == 0


def test_another_file_is_not_written_over(tmp_path, pretended):
    manifest = make(tmp_path, ["a.mp4"])
    with pytest.raises(ValueError, match=r"videos.csv: expected a report of 'dnrlab manifest check'.*--out"):
        check_manifest(manifest, reader=pretended.reader(), out=manifest.file)
    assert "a.mp4" in manifest.file.read_text()
    with pytest.raises(ValueError, match="expected workers of at least 1, got 0"):
        check_manifest(manifest, workers=0)


def test_real_files_are_decoded_to_their_end(synthetic, tmp_path):
    rows = read_manifest(synthetic).rows.head(3)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(Path(rows["path"][0]).read_bytes()[:-200])
    rows.assign(path=[rows["path"][0], str(cut), rows["path"][2]]).to_csv(tmp_path / "videos.csv", index=False)
    check = check_manifest(read_manifest(tmp_path / "videos.csv"))
    assert check.files["num_frames"].tolist() == [24, 0, 24]
    assert check.files["fps"].tolist()[::2] == [12.0, 12.0]
    assert check.errors["path"].tolist() == [str(cut)]


def test_a_sample_of_jhmdb_is_in_order(real_data, tmp_path):
    rows = read_manifest(real_data / "jhmdb21" / "manifest.csv").rows
    rows.iloc[::80].to_csv(tmp_path / "some.csv", index=False)
    check = check_manifest(read_manifest(tmp_path / "some.csv"))
    assert check.errors.empty
    held = check.files["num_frames"] - rows["frames"].iloc[::80].to_numpy()
    assert held.between(3, 8).all()  # column frames counts those with annotations
