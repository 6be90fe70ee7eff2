"""Readers of official annotations: each format as released, and errors that name file and line."""

import json

import pandas as pd
import pytest

from dnrlab.data.build.annotations import FORMATS
from dnrlab.data.build.annotations.folders import read_folders
from dnrlab.data.build.annotations.items import Item, split_file, split_of
from dnrlab.data.build.kinetics200 import draw, largest_classes, read_class_list, select
from dnrlab.data.build.match import BuildResult


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return split_file(str(folder / name))


def test_kinetics_pads_times_and_takes_each_name_of_a_split(tmp_path):
    text = "label,youtube_id,time_start,time_end,split\r\n"
    text += '"opening, closing",a-b_c,7,17,train\r\nzumba,x,1300,1310,validate\r\nyoga,y,0,10,val\r\n'
    items = FORMATS["kinetics400"]([write(tmp_path, "any.csv", "\ufeff" + text)]).items
    assert items[0] == Item("a-b_c_000007_000017", "opening, closing", "train", "a-b_c")
    assert [item.split for item in items] == ["train", "val", "val"]
    files = [write(tmp_path, "k400_validate.csv", "label,youtube_id,time_start,time_end\nzumba,x,1,11\n")]
    assert FORMATS["kinetics400"](files).items[0].split == "val"


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("something-something-v1-validation.csv", "val"),
        ("something-something-v2-train.json", "train"),
        ("kinetics_test.csv", "test"),
        ("val.csv", "val"),
    ],
)
def test_the_split_stands_in_the_file_name(tmp_path, name, split):
    assert split_of(write(tmp_path, name, "")) == split
    assert split_of(split_file(f"test={tmp_path / name}")) == "test"


@pytest.mark.parametrize("name", ["constrained.csv", "latest.csv", "train_and_val.csv"])
def test_a_file_name_without_a_split_must_be_helped(tmp_path, name):
    with pytest.raises(
        ValueError,
        match=rf"{name}: expected one of train, validation and test .*give the split .*train=",
    ):
        split_of(write(tmp_path, name, ""))


def test_something_v2_takes_the_class_from_the_template_and_the_order_from_the_labels(tmp_path):
    videos = [
        {"id": 7, "label": "putting 3 cups onto a tray", "template": "Putting [number of] [something] onto [something]"}
    ]
    files = [
        write(tmp_path, "train.json", json.dumps(videos)),
        write(
            tmp_path,
            "labels.json",
            '{"Zero": "1", "Putting number of something onto something": "0", "Ten": "10", "Two": "2"}',
        ),
    ]
    read = FORMATS["something_v2"](files)
    assert read.items == [Item("7", "Putting number of something onto something", "train")]
    assert read.classes == ("Putting number of something onto something", "Zero", "Two", "Ten")


@pytest.mark.parametrize(
    ("format_name", "file_name", "text", "message"),
    [
        (
            "kinetics400",
            "train.csv",
            "label,id\nzumba,x\n",
            r"train.csv, line 1: expected the columns label, youtube_id",
        ),
        (
            "kinetics400",
            "train.csv",
            "label,youtube_id,time_start,time_end,split\nyoga,a,1,2,train\nzumba,x,soon,9,train\n",
            r"train.csv, line 3: expected time_start and time_end in seconds, got .*soon",
        ),
        (
            "kinetics400",
            "train.csv",
            "label,youtube_id,time_start,time_end,split\nyoga,a,1,2,trian\n",
            r"train.csv, line 2: expected split to be one of train, training, trn, val.*, got 'trian'",
        ),
        (
            "something_v1",
            "x-train.csv",
            "7;Holding something\nseven;Holding\n",
            r"x-train.csv, line 2: expected NUMBER;LABEL",
        ),
        ("something_v2", "train.json", "[{", r"train.json: expected JSON"),
        ("something_v2", "train.json", '[{"video": 1}]', r"train.json: expected a list of videos with id"),
        (
            "ucf101",
            "trainlist01.txt",
            "YoYo/v_YoYo_g01_c01.avi 1\nYoYo 2\n",
            r"trainlist01.txt, line 2: expected CLASS/v_",
        ),
        ("ucf101", "train.txt", "", r"train.txt: expected trainlist01.txt"),
        ("ucf101", "classInd.txt", "1 YoYo\n", r"expected the files of one fold, got folds none"),
        (
            "hmdb51",
            "pick_test_split1.txt",
            "a.avi 1\n\nb.avi 3\n",
            r"split1.txt, line 3: expected NAME.avi and 0, 1 or 2",
        ),
        ("hmdb51", "pick.txt", "a.avi 1\n", r"pick.txt: expected a name like brush_hair_test_split1.txt"),
    ],
)
def test_what_is_not_of_the_format_is_named_by_file_and_line(tmp_path, format_name, file_name, text, message):
    with pytest.raises(ValueError, match=message):
        FORMATS[format_name]([write(tmp_path, file_name, text)])


def test_a_label_outside_the_list_of_classes_is_refused(tmp_path):
    files = [
        write(tmp_path, "x-train.csv", "7;Holding something\n"),
        write(tmp_path, "x-labels.csv", "Opening something\n"),
    ]
    with pytest.raises(
        ValueError, match=r"from the given list of 1 classes, got 'Holding something' and 0 others; give the list"
    ):
        FORMATS["something_v1"](files)


def test_folders_on_top_are_classes_or_splits():
    plain = read_folders(["b/1.mp4", "a/x/2.mp4", "loose.mp4"])
    assert plain.items == [Item("a/x/2.mp4", "a", ""), Item("b/1.mp4", "b", "")]
    assert plain.left_out == {"in no class folder": 1}
    split = read_folders(["train/a/1.mp4", "validation/a/2.mp4", "train/loose.mp4"])
    assert [(item.label, item.split) for item in split.items] == [("a", "train"), ("a", "val")]
    assert split.left_out == {"in no class folder": 1}


def table(counts, split):
    rows = [(f"{label}/{number:04d}.mp4", label, split) for label, count in counts.items() for number in range(count)]
    return pd.DataFrame(rows, columns=["path", "label", "split"])


def test_kinetics_200_takes_the_largest_classes_and_draws_400_and_25():
    counts = {f"c{number:03d}": 2 for number in range(198)} | {"big": 410, "tie_b": 1, "tie_a": 1}
    rows = pd.concat(
        [table(counts, "train"), table({"big": 30}, "val"), table({"tie_b": 90}, "test")], ignore_index=True
    )
    classes = largest_classes(rows)
    assert (len(classes), classes[0], "tie_a" in classes, "tie_b" in classes) == (200, "big", True, False)
    drawn = draw(rows, classes, seed=0)
    assert drawn[drawn["label"] == "big"]["split"].value_counts().to_dict() == {"train": 400, "val": 25}
    assert not drawn["path"][drawn["split"] == "train"].duplicated().any()
    assert drawn.equals(draw(rows, classes, seed=0))
    assert not drawn.equals(draw(rows, classes, seed=1))
    shuffled = draw(rows.sample(frac=1, random_state=0).reset_index(drop=True), ["big"], seed=0)
    assert set(shuffled["path"]) == set(drawn["path"][drawn["label"] == "big"])


def test_a_list_of_classes_replaces_the_largest(tmp_path):
    rows = pd.concat([table({"a": 3, "b": 2, "c": 1}, "train"), table({"c": 1}, "test")], ignore_index=True)
    absent = pd.DataFrame(
        {"name": list("xyz"), "label": ["a", "c", "c"], "split": ["train", "train", "test"], "reason": ""}
    )
    write(tmp_path, "classes.txt", "c\n\nb\n")
    built = select(BuildResult(rows, absent, {}, []), str(tmp_path / "classes.txt"), seed=0)
    assert sorted(built.rows["label"]) == ["b", "b", "c"]
    assert (built.missing["name"].tolist(), built.left_out) == (["y"], {"not drawn": 4})
    write(tmp_path, "wrong.txt", "a\nb\nd\n")
    with pytest.raises(ValueError, match=r"wrong.txt, line 3: expected a class of the videos, got 'd'"):
        read_class_list(tmp_path / "wrong.txt", {"a", "b"})
    write(tmp_path, "wrong.txt", "a\na\n")
    with pytest.raises(ValueError, match=r"wrong.txt, line 2: expected each class once, got 'a' again"):
        read_class_list(tmp_path / "wrong.txt", {"a", "b"})
