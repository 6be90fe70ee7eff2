"""Manifests from official files: what is found, what is missing, and the warnings."""

import json
import re

import pandas as pd
import pytest

from dnrlab.cli import main
from dnrlab.data.build.build import NAMES, build_manifest
from dnrlab.data.cards import card_of
from dnrlab.data.manifest import read_manifest
from dnrlab.data.mirror import mirrored_classes
from tests.helpers import official_trees
from tests.helpers.official_trees import SOMETHING, TREES


def build(tree, out, **options):
    return build_manifest(tree.name, tree.annotations, tree.videos, out, **options)


def test_there_is_a_tree_for_every_name():
    assert set(TREES) == set(NAMES)


@pytest.mark.parametrize(
    ("layout", "underscores"),
    [("{clip}", False), ("{label}/{clip}", True), ("train_256/{label}/{clip}", False), ("a/{split}/{clip}", False)],
)
def test_kinetics_is_found_however_its_folders_are_named(tmp_path, layout, underscores):
    tree = official_trees.kinetics(tmp_path, layout=layout, underscores=underscores)
    built = build(tree, tmp_path / "lists" / "k400.csv")
    rows = built.rows.set_index("source")
    shown = "air_drumming" if underscores else "air drumming"
    clip = layout.format(split="valid", label=shown, clip="-air_2lodo2M_002609_002619.mp4")
    assert rows.loc["-air_2lodo2M"].tolist() == [f"../videos/{clip}", "air drumming", "val"]
    assert (len(rows), len(built.missing), built.left_out) == (9, 0, {"without a label": 1})


def test_a_missing_video_is_left_out_counted_and_listed(tmp_path):
    tree = official_trees.something_v2(tmp_path)
    (tree.videos / "201.webm").rename(tree.videos / "201.webm.part")
    built = build(tree, tmp_path / "v2.csv")
    assert len(read_manifest(tmp_path / "v2.csv").rows) == tree.rows - 1
    listed = pd.read_csv(tmp_path / "v2.missing.csv", dtype=str)
    expected = ["201", "Pushing something from right to left", "train", "no video and no folder 201"]
    assert listed.to_numpy().tolist() == [expected]
    assert "train: 7 videos, the card has 168,913" in built.warnings
    card = json.loads((tmp_path / "v2.card.json").read_text())
    assert card["counts"]["train"] == 168913
    counted = {"videos": 11, "counts": {"train": 7, "val": 4}, "missing": 1, "left_out": {"without a label": 1}}
    assert {name: card["built"][name] for name in counted} == counted


def test_the_manifest_moves_with_its_videos_and_its_paths_have_no_backslash(tmp_path):
    tree = official_trees.ucf101(tmp_path / "here")
    build(tree, tree.videos / "ucf.csv")
    (tmp_path / "here").rename(tmp_path / "there")
    file = tmp_path / "there" / "UCF-101" / "ucf.csv"
    assert pd.read_csv(file)["path"][0] == "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi"
    manifest = read_manifest(file)
    assert all((file.parent / path).is_file() for path in manifest.rows["path"])
    assert set(manifest.rows["source"]) >= {"YoYo_g01", "YoYo_g25"}
    assert set(manifest.rows["fold"]) == {1}


def test_the_card_and_the_order_of_the_classes_beside_a_manifest_are_read(tmp_path):
    build(official_trees.something_v1(tmp_path), tmp_path / "v1.csv")
    manifest = read_manifest(tmp_path / "v1.csv")
    assert (manifest.flip, manifest.classes) == ("label_aware", SOMETHING)


@pytest.mark.parametrize(("name", "order"), [("something_v1", SOMETHING), ("something_v2", tuple(sorted(SOMETHING)))])
def test_mirrors_of_built_classes_go_by_the_text_whatever_their_order(tmp_path, name, order):
    built = build(TREES[name](tmp_path), tmp_path / "set.csv")
    mirror = {label: order[other] for label, other in zip(order, mirrored_classes(built.classes), strict=True)}
    assert built.classes == order
    left, right = SOMETHING[1:3]
    assert mirror == {label: label for label in order} | {left: right, right: left}


def test_the_mirrored_pairs_of_something_something_and_no_others():
    pairs = [
        ("Pulling something from left to right", "Pulling something from right to left"),
        ("Pushing something from left to right", "Pushing something from right to left"),
        ("Turning the camera left while filming something", "Turning the camera right while filming something"),
    ]
    alone = ("Plugging something into something but pulling it right out as you remove your hand",)
    alone += ("Putting something upright on the table", "Laying something on the table on its side, not upright")
    classes = tuple(sorted(sum(pairs, alone)))
    mirror = [classes[index] for index in mirrored_classes(classes)]
    assert {(name, other) for name, other in zip(classes, mirror, strict=True) if name < other} == set(pairs)


def test_hmdb_leaves_out_what_is_in_neither_part_and_names_the_films(tmp_path):
    built = build(official_trees.hmdb51(tmp_path, fold=2), tmp_path / "hmdb.csv")
    assert built.left_out == {"in neither train nor test": 3}
    assert set(built.rows["source"]) == {"#122_Cleaning_Up!", "April_09", "Juno"}
    assert set(built.rows["fold"]) == {2}
    assert "test: 3 videos, the card has 1,530" in built.warnings


def test_two_folds_at_a_time_are_refused(tmp_path):
    one, two = official_trees.hmdb51(tmp_path / "1"), official_trees.hmdb51(tmp_path / "2", fold=2)
    with pytest.raises(ValueError, match=r"files of one fold, got folds 1, 2; make one manifest per fold"):
        build_manifest("hmdb51", one.annotations + two.annotations, one.videos, tmp_path / "hmdb.csv")


def test_a_video_annotated_twice_is_taken_once_and_listed(tmp_path):
    tree = official_trees.kinetics(tmp_path)
    first = (tmp_path / "train.csv").read_text().splitlines()[1]
    (tmp_path / "more.csv").write_text(
        f"label,youtube_id,time_start,time_end,split\n{first.replace('abs', 'tap', 1)}\n"
    )
    built = build_manifest(
        "kinetics400", [*tree.annotations, str(tmp_path / "more.csv")], tree.videos, tmp_path / "k.csv"
    )
    assert len(read_manifest(tmp_path / "k.csv").rows) == tree.rows
    assert built.missing["reason"].tolist() == ["already annotated as abseiling"]


def test_of_two_copies_the_one_in_the_folder_of_the_class_is_taken_with_a_warning(tmp_path):
    tree = official_trees.ucf101(tmp_path)
    official_trees.film(tree.videos / "AAA" / "v_YoYo_g01_c01.avi", 0)
    built = build(tree, tmp_path / "ucf.csv")
    assert "UCF-101/YoYo/v_YoYo_g01_c01.avi" in set(built.rows["path"])
    assert "1 videos are in several folders, such as v_YoYo_g01_c01" in built.warnings


def test_own_videos_need_no_splits_and_keep_their_card(tmp_path):
    for label in ("hop", "skip"):
        official_trees.film(tmp_path / "own" / label / "a" / "1.mp4", 0)
    (tmp_path / "own" / "readme.mp4").touch()
    built = build_manifest("folders", [], tmp_path / "own", tmp_path / "own.csv")
    assert built.rows.to_numpy().tolist() == [["own/hop/a/1.mp4", "hop"], ["own/skip/a/1.mp4", "skip"]]
    assert built.left_out == {"in no class folder": 1}
    assert json.loads((tmp_path / "own.card.json").read_text())["flip"] == "none"
    (tmp_path / "own.card.json").write_text('{"flip": "mirror"}')
    build_manifest("folders", [], tmp_path / "own", tmp_path / "own.csv")
    assert (tmp_path / "own.card.json").read_text() == '{"flip": "mirror"}'


def test_what_is_wrong_with_a_request_is_an_error(tmp_path):
    tree = official_trees.folders(tmp_path)
    for wrong, message in [
        (("kinetics", ["a.csv"], "k.csv"), r"expected name to be a data set, got 'kinetics'; use one of kinetics400"),
        (("kinetics400", [], "k.csv"), r"expected the annotation files of kinetics400, got \[\]; give --annotations"),
        (
            ("folders", ["a.csv"], "k.csv"),
            r"expected no annotations for folders, got \['a.csv'\]; leave out",
        ),
        (("folders", [], "k.txt"), r"expected out to be a CSV file NAME.csv, got k.txt"),
    ]:
        with pytest.raises(ValueError, match=message):
            build_manifest(wrong[0], wrong[1], tree.videos, tmp_path / wrong[2])
    with pytest.raises(FileNotFoundError, match=r"annotation file at none.csv, found none"):
        build_manifest("kinetics400", ["train=none.csv"], tree.videos, tmp_path / "k.csv")
    official = official_trees.kinetics(tmp_path / "k")
    with pytest.raises(FileNotFoundError, match=r"folder of videos at .*nowhere, found none; correct --videos"):
        build_manifest("kinetics400", official.annotations, tmp_path / "nowhere", tmp_path / "k.csv")
    with pytest.raises(
        ValueError, match=r"own: expected videos such as -abs_0lodo2M_000009_000019, got 8 videos, such"
    ):
        build_manifest("kinetics400", official.annotations, tree.videos, tmp_path / "k.csv")
    (tree.videos / "jump").mkdir()
    official_trees.film(tree.videos / "jump" / "1.mp4", 0)
    with pytest.raises(ValueError, match=r"got both: test, train, val beside jump; move one"):
        build_manifest("folders", [], tree.videos, tmp_path / "own.csv")
    assert not list(tmp_path.glob("*.csv"))


def call(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    printed = capsys.readouterr()
    return stopped.value.code, printed.out, printed.err


def test_the_command_warns_and_with_strict_fails(tmp_path, capsys):
    tree = official_trees.jhmdb(tmp_path)
    words = ["manifest", "build", "jhmdb", "--videos", tree.videos, "--out", tmp_path / "j.csv", "--annotations"]
    code, out, err = call(capsys, *words, *tree.annotations)
    assert (code, err) == (0, "")
    assert "train: 6 videos, the card has 660" in out
    code, out, _ = call(capsys, *words, *tree.annotations, "--strict", "--json")
    result = json.loads(out)
    assert (code, result["videos"], result["classes"], result["counts"]) == (1, 9, 3, {"train": 6, "test": 3})
    code, _, err = call(capsys, *words, tree.annotations[0], tmp_path / "none.txt")
    assert (code, bool(re.match(r"error: expected an annotation file at .*none.txt", err))) == (1, True)
    own = official_trees.folders(tmp_path / "mine")
    words = ["manifest", "build", "folders", "--videos", own.videos, "--out", tmp_path / "own.csv", "--strict"]
    assert call(capsys, *words)[0] == 0


def test_real_clips_get_their_films_and_the_counts_of_the_lists(real_data, tmp_path):
    table = pd.read_csv(real_data / "jhmdb21" / "manifest.csv")
    table["part"] = table["hmdb51_split1"].map({"train": "1", "test": "2"}).fillna("0")
    for label, rows in table.groupby("label"):
        (tmp_path / "videos" / label).mkdir(parents=True)
        for path, name in zip(
            rows["path"], rows["original_name"], strict=True
        ):  # the copy has other names here and there
            (tmp_path / "videos" / name).with_suffix(".mp4").symlink_to(real_data / "jhmdb21" / path)
        names = rows["original_name"].str.removeprefix(f"{label}/")
        official_trees.write(tmp_path / f"{label}_test_split1.txt", *(names + " " + rows["part"] + " "))
    files = [str(file) for file in tmp_path.glob("*.txt")]
    built = build_manifest("jhmdb", files, tmp_path / "videos", tmp_path / "jhmdb.csv")
    assert built.rows["split"].value_counts().to_dict() == {"train": 665, "test": 257}
    assert (len(built.missing), built.left_out) == (0, {"in neither train nor test": 6})
    assert card_of("jhmdb").classes == built.rows["label"].nunique()
    films = dict(zip(table["original_name"].str.removesuffix(".avi"), table["video"], strict=True))
    ours = dict(zip(built.rows["path"].str.slice(len("videos/"), -len(".mp4")), built.rows["source"], strict=True))
    plain = {name: film for name, film in ours.items() if re.fullmatch(r"[\w/-]+", name)}
    assert len(plain) > 800
    assert plain == {name: films[name] for name in plain}
