"""Videos of one's own: every file is used or listed, splits are drawn, lists without a header are read."""

import logging

import pandas as pd
import pytest

from dnrlab.cli import main
from dnrlab.data.build.annotations.folders import read_folders
from dnrlab.data.build.annotations.items import Item
from dnrlab.data.build.build import build_manifest
from dnrlab.data.build.extensions import VIDEOS
from dnrlab.data.build.random_split import SplitRule, parse_shares, random_split
from dnrlab.data.build.video_tree import video_tree
from dnrlab.data.manifest import read_manifest, select, split_by
from dnrlab.data.splits import renamed, split_name


def files(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Train", "train"),
        ("TRAINING", "train"),
        (" valid ", "val"),
        ("Dev", "val"),
        ("testing", "test"),
        ("fold1", "fold1"),
    ],
)
def test_splits_have_synonyms_in_any_case(name, split):
    assert split_name(name) == split


def test_what_is_renamed_is_said():
    assert renamed({"Train", "valid", "test"}) == "Train, valid are read as train, val"
    assert renamed({"train", "other"}) == ""


@pytest.mark.parametrize(
    ("paths", "items"),
    [
        (["Train/a/1.mp4", "Test/a/2.mp4"], [("a", "test"), ("a", "train")]),
        (["training/a/1.mp4", "VALID/b/2.mp4"], [("b", "val"), ("a", "train")]),
        (["a/Train/1.mp4", "a/Test/2.mp4", "b/train/x/3.mp4"], [("a", "test"), ("a", "train"), ("b", "train")]),
        (["a/day 1/1.mp4", "b/2.mp4"], [("a", ""), ("b", "")]),
        (["ucf/Train_set/walk/1.mp4", "ucf/02_eval/run/4.mp4"], [("run", "test"), ("walk", "train")]),
        (["zip/walk/1.mp4", "zip/run/4.mp4"], [("run", ""), ("walk", "")]),  # a folder around all
    ],
)
def test_folders_are_splits_by_any_of_their_names(paths, items):
    assert [(item.label, item.split) for item in read_folders(paths).items] == items


@pytest.mark.parametrize(
    "paths", [["a/Train/1.mp4", "a/2.mp4"], ["a/Train/1.mp4", "b/day 1/2.mp4"], ["Train/a/1.mp4", "b/2.mp4"]]
)
def test_folders_of_which_only_some_are_splits_are_refused(paths):
    with pytest.raises(ValueError, match=r"got both: Train beside .*; move one kind away, or rename it"):
        read_folders(paths)


def test_names_of_splits_in_a_manifest_are_read_and_said(tmp_path, caplog):
    (tmp_path / "videos.csv").write_text(
        "path,label,split,part\n1.mp4,a,Train,Dev\n2.mp4,a,Validation,TEST\n3.mp4,a,x,x\n"
    )
    with caplog.at_level(logging.INFO, "dnrlab"):
        manifests = [read_manifest(tmp_path / "videos.csv") for _ in range(2)]
    assert manifests[0].rows["split"].tolist() == ["train", "val", "x"]
    assert caplog.messages == ["videos.csv: split Train, Validation are read as train, val"]
    assert len(select(manifests[0], "validation").rows) == 1
    assert split_by(manifests[0], "part").rows["split"].tolist() == ["val", "test", "x"]
    with pytest.raises(ValueError, match="expected rows of split 'fold1', got train, val, x"):
        select(manifests[0], "fold1")


def test_every_file_is_used_or_listed_with_the_reason(tmp_path):
    used = ["a/1.mp4", "a/2.GIF", "a/3.m2ts", "b/frames/1.png", "b/frames/2.png"]
    unused = ["a/notes.txt", "a/cover.jpg", "b/none", "loose.mp4"]
    left_behind = ["a/.DS_Store", ".DS_Store", "__MACOSX/a/._1.mp4", "a/._1.mp4", "b/Thumbs.db"]
    own = files(tmp_path / "own", *used, *unused, *left_behind, "b/4.mp4.part", "old.zip")
    built = build_manifest("folders", [], own, tmp_path / "own.csv")
    assert built.rows["path"].tolist() == ["own/a/1.mp4", "own/a/2.GIF", "own/a/3.m2ts", "own/b/frames"]
    listed = pd.read_csv(tmp_path / "own.missing.csv", keep_default_na=False)
    assert list(zip(listed["name"], listed["reason"], strict=True)) == [
        ("a/cover.jpg", "a picture in a folder that holds not only frames"),
        ("a/notes.txt", "neither a video nor a frame (.txt)"),
        ("b/none", "neither a video nor a frame (no extension)"),
        ("loose.mp4", "in no class folder"),
    ]
    junk = {"*.part": 1, "*.zip": 1, "._*": 1, ".DS_Store": 2, "Thumbs.db": 1, "__MACOSX": 1}
    assert built.left_out == {"in no class folder": 1} | {f"junk: {name}": count for name, count in junk.items()}
    assert "4 files are not used; the list of missing videos says why" in built.warnings


def test_the_extensions_are_ffmpegs():
    import av

    known = set()
    for name in av.formats_available:
        try:
            known |= {f".{extension}" for extension in av.format.ContainerFormat(name).extensions}
        except ValueError:
            continue
    names_only = {
        ".qt",
        ".divx",
        ".mpe",
        ".mpv",
        ".ogm",
        ".rmvb",
        ".bik",
        ".smk",
        ".flc",
        ".fli",
        ".nsv",
        ".evo",
        ".dif",
    }
    assert VIDEOS - names_only <= known
    assert {".mp4", ".gif", ".mts", ".m2ts", ".vob", ".asf", ".mxf", ".rm", ".3g2", ".f4v", ".y4m", ".dv"} <= VIDEOS
    assert not VIDEOS & {".txt", ".srt", ".mp3", ".wav", ".png", ".jpg", ".m4a", ".zip"}


def rows(counts):
    table = [
        (f"{label}/g{number // 4}_{number}.mp4", label) for label, count in counts.items() for number in range(count)
    ]
    return pd.DataFrame(table, columns=["path", "label"])


def test_each_class_is_divided_by_the_shares():
    drawn = random_split(rows({"a": 10, "b": 20, "c": 1}), SplitRule((0.7, 0.15, 0.15)), seed=0)
    counts = pd.crosstab(drawn["label"], drawn["split"])[["train", "val", "test"]]
    assert counts.loc["a"].tolist() == [7, 2, 1]
    assert counts.loc["b"].tolist() == [14, 3, 3]
    assert counts.loc["c"].tolist() == [1, 0, 0]
    again = random_split(rows({"a": 10, "b": 20, "c": 1}), SplitRule((0.7, 0.15, 0.15)), seed=0)
    other = random_split(rows({"a": 10, "b": 20, "c": 1}), SplitRule((0.7, 0.15, 0.15)), seed=1)
    assert drawn.equals(again)
    assert not drawn.equals(other)
    many = random_split(rows({f"{number:03d}": 3 for number in range(100)}), SplitRule((0.7, 0.15, 0.15)), seed=0)
    assert many["split"].value_counts().to_dict() == {"train": 200, "val": 50, "test": 50}
    no_val = random_split(rows({"a": 10}), SplitRule((0.8, 0, 0.2)), seed=0)
    assert no_val["split"].value_counts().to_dict() == {"train": 8, "test": 2}


@pytest.mark.parametrize("group_by", ["source", r"/(g\d+)_", r"g\d+(?=_)"])
def test_whole_sources_stay_together(group_by):
    table = rows({"a": 40, "b": 40})
    table["source"] = table["path"].str.extract(r"(g\d+)")
    drawn = random_split(
        table if group_by == "source" else table.drop(columns="source"), SplitRule((0.6, 0.2, 0.2), group_by), 3
    )
    assert (drawn.groupby("source")["split"].nunique() == 1).all()
    assert drawn["source"].nunique() == 10
    assert drawn["split"].value_counts().to_dict() == {"train": 48, "val": 16, "test": 16}
    assert (drawn.groupby("label")["split"].value_counts().unstack()[["train", "val", "test"]] == [24, 8, 8]).all(
        axis=None
    )


def test_three_sources_fill_three_splits():
    table = rows({"a": 12, "b": 12})
    drawn = random_split(table, SplitRule((0.6, 0.2, 0.2), r"(g\d+)_"), seed=0)
    assert drawn["split"].value_counts().to_dict() == {"train": 8, "val": 8, "test": 8}


def test_what_is_wrong_with_a_split_is_said(tmp_path, capsys):
    for text in ("70/30", "70/15/14", "a/b/c", "-1/50/51", "0/50/50"):
        with pytest.raises(ValueError, match="shares"):
            parse_shares(text)
    with pytest.raises(ValueError, match=r"got 'x_\(.*regular expression|got 'x_\('"):
        random_split(rows({"a": 3}), SplitRule((0.6, 0.2, 0.2), "x_("), 0)
    with pytest.raises(ValueError, match=r"expected group_by to name sources, got 'label'"):
        random_split(rows({"a": 3}), SplitRule((0.6, 0.2, 0.2), "label"), 0)
    with pytest.raises(ValueError, match=r"which does not match"):
        random_split(rows({"a": 3}), SplitRule((0.6, 0.2, 0.2), r"(x_)?\d"), 0)
    with pytest.raises(ValueError, match=r"'person' *, which does not match a/g0_0.mp4"):
        random_split(rows({"a": 3}), SplitRule((0.6, 0.2, 0.2), "person"), 0)
    own = files(tmp_path / "own", "train/a/1.mp4", "test/a/2.mp4")
    with pytest.raises(ValueError, match="videos without splits, got train, val or test"):
        build_manifest("folders", [], own, tmp_path / "own.csv", split=SplitRule((0.6, 0.2, 0.2)))


def test_the_command_draws_splits_and_a_training_can_begin(tmp_path, capsys):
    own = files(
        tmp_path / "own",
        *(f"{label}/p{person}_{take}.mp4" for label in "ab" for person in range(10) for take in range(2)),
    )
    words = ["manifest", "build", "folders", "--videos", str(own), "--out", str(tmp_path / "own.csv")]
    with pytest.raises(SystemExit):
        main(words)
    assert "no splits, so nothing can be trained" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--split", "70/15/15", "--seed", "0", "--group-by", r"(p\d+)_", "--strict"])
    assert stopped.value.code == 0
    manifest = read_manifest(tmp_path / "own.csv")
    assert manifest.rows["split"].value_counts().to_dict() == {"train": 28, "val": 8, "test": 4}
    assert (manifest.rows.groupby("source")["split"].nunique() == 1).all()
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--group-by", "label"])
    assert stopped.value.code == 1


@pytest.mark.parametrize(
    ("line", "key", "label"),
    [
        ("a/1.mp4 12", "a/1.mp4", "12"),
        ("./a/b c/1.mp4 walk", "a/b c/1.mp4", "walk"),
        ("a/frames 120 3", "a/frames", "3"),
        ("a/1.mp4,ice skating", "a/1.mp4", "ice skating"),
        ("a/1.mp4\t0", "a/1.mp4", "0"),
        ("a/frames;64;walk", "a/frames", "walk"),
        ("a/b c.mp4 brushing teeth", "a/b c.mp4", "brushing teeth"),
        ("a/1.mp4 64 brushing teeth", "a/1.mp4", "brushing teeth"),
        ('"a/one, two.mp4",walk', "a/one, two.mp4", "walk"),
    ],
)
def test_a_line_of_a_list(tmp_path, line, key, label):
    from dnrlab.data.build.annotations import FORMATS
    from dnrlab.data.build.annotations.items import split_file

    (tmp_path / "train.txt").write_text(line + "\n")
    assert FORMATS["list"]([split_file(str(tmp_path / "train.txt"))]).items == [Item(key, label, "train")]


def test_lists_are_matched_with_files_and_numbers_with_names(tmp_path):
    own = files(tmp_path / "own", "x/walk/1.mkv", "x/run/1.mp4", "x/run/2.mp4", "x/run/frames/1.jpg")
    (tmp_path / "train.txt").write_text("walk/1.avi 0\nrun/1.mp4 1\nrun/frames 30 1\nrun/9.mp4 1\n")
    (tmp_path / "names.txt").write_text("walking\nrunning\n")
    built = build_manifest(
        "list", [str(tmp_path / "train.txt")], own, tmp_path / "l.csv", class_list=str(tmp_path / "names.txt")
    )
    assert built.rows.to_numpy().tolist() == [
        ["own/x/walk/1.mkv", "walking", "train"],
        ["own/x/run/1.mp4", "running", "train"],
        ["own/x/run/frames", "running", "train"],
    ]
    assert built.missing["name"].tolist() == ["run/9.mp4"]
    assert read_manifest(tmp_path / "l.csv").classes == ("walking", "running")
    (tmp_path / "train.txt").write_text("run/1.mp4 0\n/old/place/walk/1.mp4 1\nbike/1.mp4 1\n")
    built = build_manifest("list", [str(tmp_path / "train.txt")], own, tmp_path / "l.csv")
    assert built.rows.to_numpy().tolist() == [["own/x/run/1.mp4", "0", "train"], ["own/x/walk/1.mkv", "1", "train"]]
    assert built.missing["name"].tolist() == ["bike/1.mp4"]  # never the file of another folder
    (tmp_path / "all.txt").write_text("".join(f"{path} a\n" for path in ("walk/1", "run/1", "run/2", "run/frames")))
    rule = SplitRule((0.5, 0.25, 0.25))
    built = build_manifest("list", [str(tmp_path / "all.txt")], own, tmp_path / "l.csv", split=rule)
    assert built.rows["split"].value_counts().to_dict() == {"train": 2, "val": 1, "test": 1}
    (tmp_path / "train.txt").write_text("walk/1.avi 0\nrun/1.mp4 1\n")
    (tmp_path / "short.txt").write_text("walking\n")
    with pytest.raises(ValueError, match="expected labels from 0 to 0 or names in this list, got '1'"):
        build_manifest(
            "list", [str(tmp_path / "train.txt")], own, tmp_path / "l.csv", class_list=str(tmp_path / "short.txt")
        )
    with pytest.raises(
        ValueError, match=r"convert it by: dnrlab manifest build list --annotations train=.*train.txt --videos"
    ):
        read_manifest(tmp_path / "train.txt")


def test_a_tree_follows_no_link_twice(tmp_path):
    own = files(tmp_path / "own", "a/1.mp4")
    (own / "again").symlink_to(own / "a")
    assert len(video_tree(own).paths) == 1


def test_odd_entries_do_not_end_the_list(tmp_path):
    own = files(tmp_path / "own", "a/1.mp4", "run.jpg/2.mp4", "walk.tmp/3.mp4", "a/x.tga")
    (own / "loop").symlink_to(own / "loop")
    (own / "a" / b"\xff.mp4".decode("utf-8", "surrogateescape")).touch()
    tree = video_tree(own)
    assert tree.paths == ["a/1.mp4", "run.jpg/2.mp4", "walk.tmp/3.mp4"]
    assert "ffmpeg -i %05d.tga %05d.png" in tree.unused["a/x.tga"]
    assert tree.unused["loop"] == "neither a video nor a frame (no extension)"
    build_manifest("folders", [], own, tmp_path / "own.csv")
    assert "a/\\udcff.mp4,,,a name that is not UTF-8; rename it" in (tmp_path / "own.missing.csv").read_text()
