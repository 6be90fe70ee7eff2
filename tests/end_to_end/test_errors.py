"""Errors that people meet: the same sentence in the notebook and on the command line, where no traceback shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from dnrlab.cli import main
from tests.helpers.full_disk import fill_disk
from tests.helpers.notebooks import execute

TINY = {"short_side": 36, "crop_size": 32, "epochs": 1, "batch_size": 10, "cache_dir": ""}


@pytest.fixture(scope="module")
def run_dir(synthetic, tmp_path_factory):
    """A run with DNR, one epoch."""
    folder = tmp_path_factory.mktemp("errors") / "run"
    execute("01_train", TINY | {"manifest": str(synthetic), "run_dir": str(folder)})
    return folder


def command(name, parameters):
    """The same as words of the command line."""
    given = dict(parameters)
    words = [name]
    if name == "evaluate":
        words.append(given.pop("run_dir"))
    for key, value in given.items():
        words += [f"--{'out' if key == 'run_dir' else key.replace('_', '-')}", str(value)]
    return words


def assert_said(capsys, notebook, parameters, message):
    """Both ways stop with ``message``; the command on standard error, with exit code 1, or 2 for a wrong call."""
    name = {"01_train": "train", "02_evaluate": "evaluate"}[notebook]
    with pytest.raises((ValueError, TypeError, OSError, RuntimeError, ArithmeticError)) as caught:
        execute(notebook, parameters)
    assert re.search(message, one_line(str(caught.value))), caught.value
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(command(name, parameters))
    assert stopped.value.code in (1, 2)
    assert_line(message, capsys.readouterr().err)


def assert_line(message, printed):
    """``message`` is found in what a command printed, and no traceback."""
    assert re.search(message, one_line(printed)), printed
    assert "Traceback" not in printed


def one_line(text):
    """Without line ends and the frame that tyro draws."""
    return re.sub(r"[│─\s]+", " ", text)


def write_manifest(folder, synthetic, **changes):
    """Four training videos; ``changes`` replace a column's first value."""
    rows = pd.read_csv(synthetic).query("split == 'train'").groupby("label").head(1).head(4)
    rows = rows.assign(path=[str(synthetic.parent / path) for path in rows["path"]])
    for column, value in changes.items():
        rows.iloc[0, list(rows.columns).index(column)] = value
    rows.to_csv(folder / "videos.csv", index=False)
    return folder / "videos.csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"expected a manifest at .*videos.csv"),
        ("", r"videos.csv: expected a CSV file with a header, got an empty file"),
        ("file,label\na.mp4,run\n", r"videos.csv, line 1: expected columns path and label, got file, label"),
        (
            "path,label,split\na.mp4,fly,train\n",
            r"videos.csv, line 2: expected a label of classes.txt, got another; add it there.*fly",
        ),
        (
            "path,label,start_seconds\na.mp4,run,one\n",
            r"line 2: expected start_seconds to be a number or empty, got 'one'",
        ),
        (
            "path,label,split\na.mp4,run,\n",
            r"videos.csv: expected rows of split 'train', got no splits; fill its column split",
        ),
        (
            "path,label,split\na.mp4,run,train\nb.mp4,run,train\na.mp4,walk,val\n",
            r"line 4: expected each video once, got the video of line 2",
        ),
    ],
    ids=["missing", "empty", "missing column", "unknown label", "seconds", "no training rows", "twice"],
)
def test_a_manifest_that_is_wrong(tmp_path, capsys, text, message):
    (tmp_path / "classes.txt").write_text("run\nwalk\n")
    if text is not None:
        (tmp_path / "videos.csv").write_text(text)
    given = {"manifest": str(tmp_path / "videos.csv"), "run_dir": str(tmp_path / "run")}
    assert_said(capsys, "01_train", TINY | given, message)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file; correct the path, or the root"),
        (b"", r"an empty file \(0 bytes\)"),
        (b"this is no video\n" * 100, r"not a video that can be decoded \(.*\); encode it again or leave it out"),
        ("half", r"not a video that can be decoded \(.*\); encode it again or leave it out"),
    ],
    ids=["missing", "empty", "text named mp4", "damaged"],
)
def test_a_video_that_is_wrong_stops_a_training_and_is_counted_by_an_evaluation(
    run_dir, synthetic, tmp_path, capsys, content, reason
):
    bad = tmp_path / "bad.mp4"
    if content == "half":
        whole = next(synthetic.parent.glob("train/up/*.mp4")).read_bytes()
        content = whole[: len(whole) // 2]
    if content is not None:
        bad.write_bytes(content)
    manifest = write_manifest(tmp_path, synthetic, path=str(bad))
    training = TINY | {"manifest": str(manifest), "run_dir": str(tmp_path / "run"), "batch_size": 2}
    assert_said(capsys, "01_train", training, rf"bad.mp4: .*(?:{reason})")
    copy = shutil.copytree(run_dir, tmp_path / "copy")
    evaluation = {"manifest": str(manifest), "run_dir": str(copy), "split": "train", "cache_dir": ""}
    execute("02_evaluate", evaluation)
    assert "evaluated 3 of 4" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(command("evaluate", evaluation))
    assert stopped.value.code == 0
    assert "evaluated: evaluated 3 of 4" in capsys.readouterr().out
    skipped = pd.read_csv(copy / "skipped_train.csv")
    assert list(skipped["path"]) == [str(bad)]
    assert skipped["reason"].str.contains(reason)[0]


def test_a_video_shorter_than_the_span_of_a_clip_works_and_repeats(synthetic, tmp_path, capsys):
    manifest = write_manifest(tmp_path, synthetic)  # 24 frames; the clip spans 57
    dense = {"sampling": "dense", "num_frames": 8, "frame_interval": 8, "batch_size": 2, "manifest": str(manifest)}
    execute("01_train", TINY | dense | {"run_dir": str(tmp_path / "notebook")})
    with pytest.raises(SystemExit) as stopped:
        main(command("train", TINY | dense | {"run_dir": str(tmp_path / "command")}))
    assert stopped.value.code == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crop_size": 64}, r"crop_size of at most short_side, got crop_size 64 and short_side 36 .*lower crop_size"),
        ({"num_frames": -1}, r"expected num_frames from 1 to 1,000,000, got -1"),
        ({"relay_distance": 0}, r"relay_distance of at least 1, got 0; the paper's value is 4"),
        ({"lr": 40.0}, r"lr in \(0, 10\].*got 40.0"),
        ({"model": "tsn_resnet19"}, r"a network's name, got 'tsn_resnet19'; choose one of tsn_resnet"),
        ({"width": 9}, r"multiple of reduction, got channels=9, reduction=4; choose a width"),
        ({"width": 7}, r"width of at least 8 to shift channels, got 7; use a wider network"),
        ({"recipe": "big"}, r"a recipe's name, got 'big'; choose one of demo"),
        ({"device": "gpu"}, r"device auto, cpu, cuda or cuda:N, got 'gpu'"),
        ({"initial_weights": "runs/none"}, r"a run folder or a file of weights, got 'runs/none'.*train that run first"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_setting_that_is_wrong(synthetic, tmp_path, capsys, wrong, message):
    given = TINY | {"manifest": str(synthetic), "run_dir": str(tmp_path / "run")} | wrong
    assert_said(capsys, "01_train", given, message)


@pytest.mark.parametrize(
    ("name", "value", "in_notebook", "on_command_line"),
    [
        ("epoch", 3, r"expected 'epochs' or another parameter, got 'epoch'", r"Unrecognized options: --epoch"),
        (
            "epochs",
            "many",
            r"epochs: expected int, got 'many'",
            r"Error parsing --epochs: invalid literal for int.* 'many'",
        ),
    ],
    ids=["unknown", "mistyped"],
)
def test_a_parameter_that_is_unknown_or_mistyped(synthetic, capsys, name, value, in_notebook, on_command_line):
    given = {"manifest": str(synthetic), "run_dir": "run", name: value}
    with pytest.raises((ValueError, TypeError), match=in_notebook):
        execute("01_train", given)
    with pytest.raises(SystemExit) as stopped:
        main(command("train", given))
    assert stopped.value.code == 2
    assert_line(on_command_line, capsys.readouterr().err)


def test_weights_of_another_network(run_dir, synthetic, tmp_path, capsys):
    copy = shutil.copytree(run_dir, tmp_path / "copy")
    weights = load_file(copy / "best.safetensors")
    save_file({name: value for name, value in weights.items() if ".lstm." not in name}, copy / "best.safetensors")
    evaluation = {"manifest": str(synthetic), "run_dir": str(copy), "cache_dir": ""}
    message = r"expected .*best.safetensors to fit the network of config.json.*layer1.*lstm.*expected .*, got None"
    assert_said(capsys, "02_evaluate", evaluation, f"(?s){message}")
    training = TINY | {"manifest": str(synthetic), "run_dir": str(tmp_path / "run"), "initial_weights": str(copy)}
    assert_said(capsys, "01_train", training, r"does not fit this network: .*lstm\S*: expected .*, got None")


def test_a_folder_of_another_run_is_left_as_it_is(run_dir, synthetic, capsys):
    before = (run_dir / "checkpoint.pt").read_bytes()
    given = TINY | {"manifest": str(synthetic), "run_dir": str(run_dir), "lr": 0.05}
    assert_said(
        capsys,
        "01_train",
        given,
        r"expected the configuration of .*, got another: training.lr: 0.1 -> 0.05 give the same",
    )
    assert (run_dir / "checkpoint.pt").read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("file", ["checkpoint.pt", "log.txt", "history.csv"])
def test_a_full_disk(synthetic, tmp_path, capsys, monkeypatch, file):
    message = r"(checkpoint.pt|log.txt|history.csv) could not be written .*free space, or give a folder that may be"
    given = TINY | {"manifest": str(synthetic)}
    fill_disk(monkeypatch, file)
    with pytest.raises(OSError, match=message):
        execute("01_train", given | {"run_dir": str(tmp_path / "notebook")})
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(command("train", given | {"run_dir": str(tmp_path / "command")}))
    assert stopped.value.code == 1
    assert_line(message, capsys.readouterr().err)


def test_the_command_itself_shows_no_traceback_of_a_worker(synthetic, tmp_path):
    manifest = write_manifest(tmp_path, synthetic, path=str(tmp_path / "gone.mp4"))
    given = TINY | {"manifest": str(manifest), "run_dir": str(tmp_path / "run"), "batch_size": 2, "num_workers": 1}
    words = [sys.executable, "-m", "dnrlab", *command("train", given)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"error: {tmp_path / 'gone.mp4'}: no such file" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def closed_folder(tmp_path):
    """A folder in which nothing may be written; for root, to whom all is open, a file in its place."""
    if os.geteuid() == 0:
        (tmp_path / "closed").write_text("a file")
    else:
        (tmp_path / "closed").mkdir(mode=0o500)
    return tmp_path / "closed"


def test_a_folder_that_cannot_be_written(run_dir, synthetic, tmp_path, capsys):
    message = r"closed.* could not be written .*give a folder that may be written"
    given = TINY | {"manifest": str(synthetic), "run_dir": str(closed_folder(tmp_path) / "run")}
    assert_said(capsys, "01_train", given, message)
    given = {"manifest": str(synthetic), "runs": [str(run_dir)], "num_videos": 1}
    with pytest.raises(OSError, match=message):
        execute("03_gradcam", given | {"out_dir": str(tmp_path / "closed" / "figures")})
    video = next(synthetic.parent.glob("test/up/*.mp4"))
    with pytest.raises(SystemExit):
        main(["cam", str(run_dir), "--video", str(video), "--out", str(tmp_path / "closed" / "cam.png")])
    assert_line(message, capsys.readouterr().err)


def test_a_loss_that_is_not_finite(synthetic, tmp_path, capsys):
    given = TINY | {"manifest": str(synthetic), "run_dir": str(tmp_path / "run"), "epochs": 4}
    message = (
        r"the loss or its gradient is not finite at step \d+ \(learning rate .*\); lower lr or lengthen the warm-up"
    )
    with pytest.raises(FloatingPointError, match=message):
        execute("01_train", given | {"settings": {"weight_decay": 1e30}})
    with pytest.raises(SystemExit):
        main([*command("train", given), "--weight-decay", "1e30"])
    assert_line(message, capsys.readouterr().err)
