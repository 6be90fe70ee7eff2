"""The command line: each command works, says what it did, and names what is wrong without a traceback."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from dnrlab import DNRConfig
from dnrlab.cli import guarded, main
from dnrlab.cli.repeat import repeat_defaults
from dnrlab.cli.train import train_defaults
from dnrlab.recipes.named import RECIPES
from tests.helpers.paths import PROJECT

TINY = ["--epochs", "1", "--short-side", "36", "--crop-size", "32", "--batch-size", "10", "--cache-dir", ""]


def call(capsys, *words):
    """Exit code, standard output and standard error of a call."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def run_dir(synthetic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    with pytest.raises(SystemExit):
        main(["train", "--manifest", str(synthetic), "--out", str(folder), *TINY])
    return folder


@pytest.fixture(scope="module")
def video(synthetic):
    return synthetic.parent / "test" / "left" / "scene0000.mp4"


def test_the_same_train_call_again_only_reports(run_dir, synthetic, capsys):
    before = (run_dir / "best.safetensors").stat().st_mtime_ns
    code, out, _ = call(capsys, "train", "--manifest", synthetic, "--out", run_dir, *TINY, "--json")
    assert code == 0
    assert json.loads(out)["epochs"] == 1
    assert (run_dir / "best.safetensors").stat().st_mtime_ns == before


def test_fields_of_the_recipe_are_options(synthetic, tmp_path, capsys):
    words = ["--no-dnr", "--interlacing", "True", "--model", "tsn_resnet34", "--lr", "0.03", "--scales", "1", "0.8"]
    code, _, err = call(capsys, "train", "--manifest", synthetic, "--out", tmp_path / "run", *TINY, *words)
    assert code == 0, err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["model"]["dnr"], config["model"]["interlacing"]) == (None, True)
    assert (config["model"]["name"], config["training"]["lr"]) == ("tsn_resnet34", 0.03)
    assert config["data"]["scales"] == [1.0, 0.8]


def test_help_shows_the_defaults_of_the_chosen_recipe(capsys):
    code, out, _ = call(capsys, "train", "--recipe", "kinetics400", "--help")
    assert code == 0
    assert "(default: 127840)" in out
    assert "--relay-distance" in out
    assert "--relay-distance" not in call(capsys, "train", "--no-dnr", "--help")[1]
    assert "manifest check" in call(capsys, "--help")[1]


def test_evaluate_writes_and_prints_the_metrics(run_dir, synthetic, capsys):
    words = ["evaluate", run_dir, "--manifest", synthetic, "--clips", "2", "--crops", "3", "--cache-dir", "", "--json"]
    code, out, _ = call(capsys, *words)
    assert code == 0
    result = json.loads(out)
    assert result["evaluated"] == "evaluated 10 of 10"
    assert result["views"]["num_clips"] == 2
    assert json.loads((run_dir / "metrics.json").read_text()) == result


def test_bad_videos_stop_or_are_skipped_as_asked(synthetic, tmp_path, capsys):
    rows = pd.read_csv(synthetic).query("split != 'test'")
    rows["path"] = [str(synthetic.parent / path) for path in rows["path"]]
    rows.iloc[[0, 25], rows.columns.get_loc("path")] = ["gone.mp4", "lost.mp4"]  # of train and val
    rows.to_csv(tmp_path / "videos.csv", index=False)
    run, words = tmp_path / "run", ["--manifest", tmp_path / "videos.csv"]
    code, _, err = call(capsys, "train", *words, "--out", run, *TINY)
    assert code == 1
    assert "no such file" in err
    code, out, err = call(capsys, "train", *words, "--out", run, *TINY, "--bad-videos", "skip", "--json")
    assert code == 0, err
    assert json.loads(out)["trained"] == "trained on 19 of 20 clips per epoch"
    code, out, _ = call(capsys, "evaluate", run, *words, "--split", "val", "--cache-dir", "", "--json")
    assert (code, json.loads(out)["evaluated"]) == (0, "evaluated 9 of 10")
    code, _, err = call(capsys, "evaluate", run, *words, "--split", "val", "--cache-dir", "", "--bad-videos", "error")
    assert code == 1
    assert "lost.mp4: no such file" in err


def test_predict_gives_five_classes_and_cam_a_picture(run_dir, video, tmp_path, capsys):
    code, out, _ = call(capsys, "predict", run_dir, "--video", video, "--json")
    assert code == 0
    result = json.loads(out)
    assert len(result["scores"]) == 5
    assert result["predicted"] == next(iter(result["scores"]))
    picture = tmp_path / "figures" / "cam.png"
    code, out, _ = call(capsys, "cam", run_dir, "--video", video, "--out", picture, "--layer", "layer2")
    assert code == 0
    assert str(picture) in out
    assert picture.is_file()
    assert picture.with_suffix(".npz").is_file()


def test_manifest_check_names_the_bad_file_and_exits_with_1(synthetic, tmp_path, capsys):
    rows = pd.read_csv(synthetic).head(2).assign(path=lambda table: [str(synthetic.parent / p) for p in table["path"]])
    rows.to_csv(tmp_path / "good.csv", index=False)
    assert call(capsys, "manifest", "check", tmp_path / "good.csv")[0] == 0
    code, out, _ = call(capsys, "manifest", "check", tmp_path / "good.csv", "--json")
    checked = json.loads(out)
    assert (checked["good"], checked["bad"], checked["splits"]) == (2, 0, {"train": 2})
    assert [each["note"] for each in checked["notes"]] == ["no rows of split val", "no rows of split test"]
    rows.assign(split=["train", "vla"]).to_csv(tmp_path / "odd.csv", index=False)
    printed = call(capsys, "manifest", "check", tmp_path / "odd.csv")[1]
    assert "other splits, which are used only if an evaluation names them: vla" in printed
    rows.drop(columns="split").to_csv(tmp_path / "none.csv", index=False)
    assert "no column split" in call(capsys, "manifest", "check", tmp_path / "none.csv")[1]
    (tmp_path / "empty.mp4").touch()
    rows.assign(path=[rows["path"][0], "empty.mp4"]).to_csv(tmp_path / "bad.csv", index=False)
    code, out, _ = call(capsys, "manifest", "check", tmp_path / "bad.csv")
    assert code == 1
    assert "empty.mp4: an empty file (0 bytes)" in out
    assert "an empty file: 1" in out


@pytest.mark.parametrize("word", ["--no-dnr", "--no_dnr"])
@pytest.mark.parametrize("recipe", [["--recipe", "tsm_kinetics400"], ["--recipe=tsm_kinetics400"]])
@pytest.mark.parametrize("defaults", [train_defaults, repeat_defaults])
def test_every_spelling_of_an_option_decides_the_defaults(defaults, recipe, word):
    words = ["--manifest", "a.csv", *recipe, word, "--lr", "0.5", "--out", "run"]
    default = defaults(words)
    assert (default.recipe, default.dnr, default.settings.model.dnr) == ("tsm_kinetics400", False, None)
    assert default.settings.training == RECIPES["tsm_kinetics400"]().training
    assert defaults([each for each in words if each != word]).settings.model.dnr == DNRConfig()


@pytest.mark.parametrize("spelled", [["--recipe=big"], ["--recipe", "big"]])
def test_an_unknown_recipe_is_an_error_however_it_is_spelled(spelled, capsys, tmp_path):
    code, _, error = call(capsys, "train", "--manifest", "none.csv", "--out", tmp_path / "run", *spelled)
    assert code == 1
    assert "expected a recipe's name, got 'big'" in error
    assert not (tmp_path / "run").exists()


def test_a_check_that_is_interrupted_says_how_to_go_on(synthetic, monkeypatch, tmp_path, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("dnrlab.cli.manifest.check_manifest", interrupted)
    code, out, _ = call(capsys, "manifest", "check", synthetic, "--out", tmp_path / "c.csv")
    assert code == 130
    assert "the same call resumes" in out


def test_of_many_errors_a_few_are_printed_and_all_in_json(tmp_path, capsys):
    rows = pd.DataFrame({"path": [f"{number}.mp4" for number in range(40)], "label": "run"})
    rows.to_csv(tmp_path / "videos.csv", index=False)
    code, out, _ = call(capsys, "manifest", "check", tmp_path / "videos.csv", "--workers", "1")
    assert code == 1
    assert "no such file: 40" in out
    assert len([line for line in out.splitlines() if ".mp4" in line]) == 3
    assert "37 more errors; --json lists all" in out
    code, out, _ = call(capsys, "manifest", "check", tmp_path / "videos.csv", "--json", "--workers", "1")
    assert len(json.loads(out)["errors"]) == 40


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, capsys):
    (tmp_path / "videos.csv").write_text("path,label\n1.mp4,run\n")
    (tmp_path / "taken").touch()
    code, _, err = call(capsys, "manifest", "check", tmp_path / "videos.csv", "--out", tmp_path / "taken" / "c.csv")
    assert code == 1
    assert "c.csv could not be written" in err
    assert "--out" in err


def test_bench_prints_every_network_beside_the_control(capsys):
    tiny = ["--num-frames", "2", "--crop-size", "32", "--width", "8", "--rounds", "2", "--device", "cpu"]
    code, out, _ = call(capsys, "bench", "tsn_resnet18", "tdn_resnet18", *tiny, "--json")
    assert code == 0
    result = json.loads(out)
    rows = {(row["network"], row["treatment"], row["task"]): row for row in result["networks"]}
    networks = ["tsn_resnet18", "tsn_resnet18 + DNR", "tdn_resnet18", "tdn_resnet18 + DNR", "control"]
    works = [("eager", "forward"), ("eager", "step"), ("folded", "forward")]
    assert set(rows) == {(name, *work) for name in networks for work in works}
    assert {name for name, value in rows["control", "eager", "step"].items() if value is None} == {"peak_gib"}
    assert rows["tsn_resnet18", "eager", "forward"]["speed_kept"] is None
    assert (result["settings"]["rounds"], result["settings"]["num_classes"]) == (2, 400)
    assert result["noise"] >= 0
    assert {"processor", "threads", "torch"} <= set(result["machine"])
    out = call(capsys, "bench", "tsn_resnet18", *tiny)[1]
    assert "videos_per_second" in out.splitlines()[1]
    assert "  tsn_resnet18 + DNR " in out


def test_bench_times_frames_and_the_evaluation_of_videos(capsys, synthetic):
    tiny = ["--crop-size", "32", "--width", "8", "--rounds", "1", "--device", "cpu", "--treatments", "eager"]
    words = ["--frames", "2", "4", "--tasks", "forward", "--views", "3", "--manifest", synthetic, "--json"]
    code, out, _ = call(capsys, "bench", "tsn_resnet18", *tiny, *words)
    assert code == 0
    result = json.loads(out)
    assert [row["num_frames"] for row in result["networks"]] == [2] * 3 + [4] * 3
    plain, dnr = result["evaluation"]
    assert dnr["network"] == "tsn_resnet18 + DNR"
    assert plain["bound_seconds"] == pytest.approx(
        (plain["decode_seconds"] + plain["network_seconds"]) / result["machine"]["cores"]
    )
    assert plain["ratio"] == pytest.approx(plain["evaluate_seconds"] / plain["bound_seconds"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --manifest none.csv --out run", r"error: expected a manifest at .*none.csv"),
        (
            "train --manifest none.csv --out run --recipe big",
            r"error: expected a recipe's name, got 'big'; choose one of demo",
        ),
        ("train --manifest none.csv --out run --lr -1", r"lr in \(0, 10\]"),
        ("train --manifest none.csv --out run --relay-distance 0", r"relay_distance of at least 1, got 0"),
        ("evaluate none --manifest none.csv", r"error: expected a run folder with config.json at none"),
        ("evaluate RUN --manifest none.csv --split-column fold", r"error: expected a manifest at .*none.csv"),
        ("spread --manifest none.csv --out runs", r"error: expected a manifest at .*none.csv"),
        ("spread --manifest none.csv --out runs --recipe big", r"error: expected a recipe's name, got 'big'"),
        (
            "compare RUN none",
            r"error: expected results of split 'test' in .*, got no such files; evaluate that run first",
        ),
        ("predict RUN --video none.mp4", r"none.mp4.*no such file"),
        ("cam RUN --video VIDEO --out cam.png --layer layer9", r"error: expected a layer of the network, got 'layer9'"),
        ("cam --video VIDEO --out cam.png", r"error: expected run folders and a picture NAME.png"),
        ("cam RUN --video VIDEO --out cam.xyz", r"error: expected run folders and a picture NAME.png .* cam.xyz"),
        ("train --manifest none.csv --out run --device gpu", r"expected device auto, cpu, cuda"),
        ("bench tsn_resnet19", r"error: expected a network's name, got 'tsn_resnet19'; choose one of tsn_"),
        ("bench", r"error: expected names of networks, each once, got \[\]"),
        ("bench tsn_resnet18 --rounds 0", r"expected rounds of at least 1, got 0; the default is 8"),
        (
            "fly",
            r"error: expected a command, got 'fly'; choose one of these usage: dnrlab COMMAND",
        ),
    ],
)
def test_errors_show_no_traceback(run_dir, video, tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    given = [str({"RUN": run_dir, "VIDEO": video}.get(word, word)) for word in words.split()]
    code, out, err = call(capsys, *given)
    assert code in (1, 2)
    assert pd.Series([out + err]).str.replace(r"[│\s]+", " ", regex=True).str.contains(message)[0]
    assert "Traceback" not in out + err


def test_an_interrupt_is_one_line(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert guarded(interrupted) == 130
    assert capsys.readouterr().err.startswith("interrupted; train, evaluate, spread, batch, manifest check go on")


def test_help_is_printed_in_a_terminal_without_greek():
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    for command in ("train", "cam"):
        words = [sys.executable, "-m", "dnrlab", command, "--help"]
        done = subprocess.run(words, capture_output=True, env=environment, cwd=PROJECT)
        assert done.returncode == 0, done.stderr.decode("latin-1")
        assert "usage" in done.stdout.decode("latin-1")
