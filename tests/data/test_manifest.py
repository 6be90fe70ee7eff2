"""Manifests: what is read, what is refused and how it is named."""

from itertools import chain

import pytest

from dnrlab.data.manifest import labels, open_manifest, read_manifest, rows_digest, select, single_video, split_by


def write(folder, text, name="videos.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_paths_are_relative_to_the_manifest_or_to_a_root(tmp_path):
    file = write(tmp_path, "path,label,split,note\na/1.mp4,run,train,x\na/2.mp4,walk,test,\n")
    manifest = read_manifest(file)
    assert manifest.rows["path"].tolist() == [str(tmp_path / "a/1.mp4"), str(tmp_path / "a/2.mp4")]
    assert manifest.rows["note"].tolist() == ["x", ""]
    assert read_manifest(file, tmp_path / "b").rows["path"][0] == str(tmp_path / "b/a/1.mp4")
    assert (manifest.classes, manifest.flip) == (("run", "walk"), "none")


def test_labels_stay_names_also_when_they_look_like_numbers_or_nothing(tmp_path):
    manifest = read_manifest(write(tmp_path, "path,label\n1.mp4,01\n2.mp4,NA\n3.mp4,1\n"))
    assert manifest.classes == ("01", "1", "NA")


def test_classes_txt_fixes_the_order_and_the_card_the_flips(tmp_path):
    file = write(tmp_path, "path,label\n1.mp4,run\n2.mp4,walk\n")
    write(tmp_path, "walk\nrun\njump\n", "classes.txt")
    write(tmp_path, '{"flip": "mirror"}', "card.json")
    manifest = read_manifest(file)
    assert (manifest.classes, manifest.flip, labels(manifest).tolist()) == (("walk", "run", "jump"), "mirror", [1, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "path,clss\n1.mp4,run\n",
            r"videos.csv, line 1: expected columns path and label, got path, clss; .*add or rename a column to label",
        ),
        ("path,label\n1.mp4,run\n,walk\n", r"line 3: expected a path, got an empty cell"),
        ("path,label\n1.mp4,run\n2.mp4, \n", r"line 3: expected a label"),
        (
            "path,label\n1.mp4,run\n2.mp4,run\n1.mp4,walk\n",
            r"line 4: expected each video once, got the video of line 2",
        ),
        ("", r"a CSV file with a header, got an empty file"),
        (
            "path;label;split\n1.mp4;run;train\n",
            r"line 1: expected columns path and label, got path;label;split; separate",
        ),
        ("path,label,label\n1.mp4,run,a\n", r"line 1: expected each column once, got label twice"),
        (
            "path,label\n1.mp4,run, slowly\n",
            r"line 2: expected 2 cells, as in the header, got 3 \(1.mp4,run, slowly\); put",
        ),
        ("path,label,split\n1.mp4,run,a\n\n2.mp4,to bend, slowly,a\n", r"line 4: expected 3 cells.*double quotes"),
        ('path,label,note\n1.mp4,run,"two\nlines"\n \n2.mp4,,x\n', r"line 5: expected a label, got an empty cell"),
        (
            "path,label\n1.mp4,run\n\n2.mp4,run\n1.mp4,walk\n",
            r"line 5: expected each video once, got the video of line 2",
        ),
        (
            "path,label,end_seconds\n1.mp4,run,\n2.mp4,run,3\n1.mp4,run,\n",
            r"line 4: expected each video once, got the video of line 2",
        ),
        ("path,label,end_seconds\n1.mp4,run,inf\n", r"line 2: expected end_seconds to be a number or empty, got 'inf'"),
        ('path,label\n1.mp4,run\n2.mp4,"run\n', r"expected (a CSV file|CSV), got text .*double quote"),
    ],
)
def test_a_faulty_manifest_is_refused_by_file_and_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_manifest(write(tmp_path, text))


def test_bytes_that_are_no_utf8_are_named_by_line(tmp_path):
    for bytes_, line in ((b"path,label\n1.mp4,run\n2.mp4,caf\xe9\n", 3), ("path,label\n".encode("utf-16"), 1)):
        (tmp_path / "videos.csv").write_bytes(bytes_)
        with pytest.raises(ValueError, match=rf"videos.csv, line {line}: expected text in UTF-8"):
            read_manifest(tmp_path / "videos.csv")


def test_a_byte_order_mark_and_spaces_in_the_header_do_no_harm(tmp_path):
    (tmp_path / "videos.csv").write_text('path, label ,"split"\n1.mp4, 07,train\n', encoding="utf-8-sig")
    rows = read_manifest(tmp_path / "videos.csv").rows
    assert list(rows) == ["path", "label", "split"]
    assert rows["label"].tolist() == ["07"]


def test_facts_of_one_manifest_go_before_those_of_its_folder(tmp_path):
    file = write(tmp_path, "path,label\n1.mp4,run\n2.mp4,walk\n", "k400.csv")
    write(tmp_path, "walk\nrun\n", "classes.txt")
    write(tmp_path, '{"flip": "mirror"}', "card.json")
    assert (read_manifest(file).classes, read_manifest(file).flip) == (("walk", "run"), "mirror")
    write(tmp_path, "run\nwalk\nfly\n", "k400.classes.txt")
    write(tmp_path, '{"flip": "label_aware"}', "k400.card.json")
    assert (read_manifest(file).classes, read_manifest(file).flip) == (("run", "walk", "fly"), "label_aware")


@pytest.mark.parametrize("card", ["flip: mirror", '"mirror"?', '{"flip": "yes"}', "[1]"])
def test_a_card_that_says_no_flip_rule_is_named(tmp_path, card):
    file = write(tmp_path, "path,label\n1.mp4,run\n")
    write(tmp_path, card, "videos.card.json")
    with pytest.raises(ValueError, match=r"videos.card.json: expected"):
        read_manifest(file)


def test_one_video_may_stand_twice_with_other_times(tmp_path):
    file = write(tmp_path, "path,label,start_seconds,end_seconds\n1.mp4,run,0,2\n1.mp4,walk,2,4\n")
    assert len(read_manifest(file).rows) == 2


def test_a_missing_manifest_and_unknown_labels_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"manifest at .*none.csv.*path, label"):
        read_manifest(tmp_path / "none.csv")
    file = write(tmp_path, "path,label\n1.mp4,run\n2.mp4,fly\n")
    write(tmp_path, "run\n", "classes.txt")
    with pytest.raises(ValueError, match=r"line 3: expected a label of classes.txt.*'fly'"):
        read_manifest(file)


def test_a_split_is_selected_and_an_unknown_one_refused(tmp_path):
    manifest = read_manifest(write(tmp_path, "path,label,split\n1.mp4,run,train\n2.mp4,walk,test\n"))
    assert select(manifest, "test").rows["label"].tolist() == ["walk"]
    assert select(manifest, "test").classes == ("run", "walk")
    with pytest.raises(ValueError, match=r"expected rows of split 'val', got test, train; fill"):
        select(manifest, "val")
    with pytest.raises(ValueError, match=r"labels among the classes \['run'\], got \['walk'\]"):
        select(manifest, None, ("run",))


def test_spaces_and_trailing_commas_do_no_harm(tmp_path):
    manifest = read_manifest(write(tmp_path, "path,label,split\n1.mp4, run,train,\n2.mp4,run ,train,\n"))
    assert manifest.rows["path"].tolist() == [str(tmp_path / "1.mp4"), str(tmp_path / "2.mp4")]
    assert manifest.classes == ("run",)


FOLDS = (
    "path,label,split,fold,half\n1.mp4,a,train,0,train\n2.mp4,b,val,1,test\n3.mp4,a,test,2,test\n4.mp4,b,test,1,val\n"
)


def test_a_column_of_folds_gives_train_and_test_and_any_column_is_a_split(tmp_path):
    manifest = read_manifest(write(tmp_path, FOLDS))
    assert split_by(manifest, "fold", "1").rows["split"].tolist() == ["train", "test", "train", "test"]
    assert select(split_by(manifest, "fold", "2"), "test").rows["path"].str[-5:].tolist() == ["3.mp4"]
    assert split_by(manifest, "fold", "1", "2").rows["split"].tolist() == ["train", "test", "val", "test"]
    assert split_by(manifest, "half").rows["split"].tolist() == ["train", "test", "test", "val"]
    assert split_by(manifest, "") is manifest
    assert manifest.rows["split"].tolist() == ["train", "val", "test", "test"]  # the given one is left as it is
    every = [select(split_by(manifest, "fold", fold), "test").rows["path"].tolist() for fold in ("0", "1", "2")]
    assert sorted(chain.from_iterable(every)) == manifest.rows["path"].tolist()  # each video is tested once


@pytest.mark.parametrize(
    ("column", "fold", "message"),
    [
        ("fold", ("1", "5"), r"expected val_fold among the folds \['0', '1', '2'\] of column fold, got '5'"),
        ("fold", ("1", "1"), r"expected another test_fold with val_fold 1, got '1'; give two folds"),
        ("fold", ("", "1"), r"expected another test_fold with val_fold 1, got ''; give two folds"),
        ("", ("", "1"), r"expected split_column with fold 1, got none; give split_column too"),
        ("fold", "5", r"videos.csv: expected test_fold among the folds \['0', '1', '2'\] of column fold, got '5'"),
        ("folds", "1", r"videos.csv: expected a column 'folds', got columns split, fold, half"),
        ("", "1", r"expected split_column with fold 1, got none; give split_column too"),
    ],
)
def test_folds_that_are_not_there_are_named(tmp_path, column, fold, message):
    with pytest.raises(ValueError, match=message):
        split_by(read_manifest(write(tmp_path, FOLDS)), column, *([fold] if isinstance(fold, str) else fold))


def test_a_row_without_a_fold_is_named(tmp_path):
    manifest = read_manifest(write(tmp_path, "path,label,fold\n1.mp4,a,0\n2.mp4,b,\n"))
    with pytest.raises(ValueError, match=r"videos.csv, line 3: expected a fold in column fold, got an empty cell"):
        split_by(manifest, "fold", "0")


def test_notebooks_open_a_path_or_the_synthetic_set(tmp_path, monkeypatch):
    (tmp_path / "videos.csv").write_text("path,label\na.mp4,up\n")
    monkeypatch.setattr("dnrlab.data.synthetic.make.named_set", lambda name: tmp_path / "videos.csv")
    assert open_manifest("synthetic").rows["path"].tolist() == [str(tmp_path / "a.mp4")]
    assert open_manifest(str(tmp_path / "videos.csv"), "").rows["path"].tolist() == [str(tmp_path / "a.mp4")]
    assert open_manifest(str(tmp_path / "videos.csv"), "/videos").rows["path"].tolist() == ["/videos/a.mp4"]


def test_an_empty_cell_of_seconds_beside_a_number_has_a_digest_and_is_no_fold(tmp_path):
    (tmp_path / "videos.csv").write_text("path,label,start_seconds,fold\na.mp4,x,1.5,1\nb.mp4,y,,\n")
    manifest = read_manifest(tmp_path / "videos.csv")
    assert len(rows_digest(manifest, ("label", "start_seconds"))) == 16
    with pytest.raises(ValueError, match="expected a fold in column fold, got an empty cell; fill it"):
        split_by(manifest, "fold", "1.0")


def test_the_digest_of_rows_sees_what_it_is_asked_to_see(tmp_path):
    def digest(text, columns, start=0):
        (tmp_path / "videos.csv").write_text(text)
        return rows_digest(read_manifest(tmp_path / "videos.csv", "/a"), columns, start=start)

    rows = "path,label,start_seconds\nx.mp4,up,1\ny.mp4,down,2\n"
    assert digest(rows, ["label"]) != digest(rows.replace("down", "left"), ["label"])
    assert digest(rows, ["start_seconds"]) == digest(rows.replace("down", "left"), ["start_seconds"])
    assert digest(rows, ["start_seconds"]) != digest(rows.replace(",2", ",3"), ["start_seconds"])
    assert digest(rows, []) != digest("path,label,start_seconds\ny.mp4,down,2\nx.mp4,up,1\n", [])
    (tmp_path / "videos.csv").write_text(rows)
    moved = [rows_digest(read_manifest(tmp_path / "videos.csv", root), [], start=3) for root in ("/a", "/b")]
    assert moved[0] == moved[1]


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, "path,label\n~/a.mp4,run\nb~.mp4,run\n")
    assert read_manifest("~/videos.csv").rows["path"].tolist() == [str(tmp_path / "a.mp4"), str(tmp_path / "b~.mp4")]
    assert read_manifest("~/videos.csv", "~/c").rows["path"][1] == str(tmp_path / "c" / "b~.mp4")
    assert single_video("~/a.mp4", ("run",)).rows["path"][0] == str(tmp_path / "a.mp4")
