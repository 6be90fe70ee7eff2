"""Cards and trees of videos: what is read, and what is refused by file and field."""

import json

import pandas as pd
import pytest

from dnrlab.data.build.video_tree import by_key, video_tree
from dnrlab.data.cards import FOLDER, card_of, read_card, write_card

CARDS = sorted(file.name.removesuffix(".card.json") for file in FOLDER.glob("*.card.json"))
NAMES = ["egogestar10", "hmdb51", "jhmdb", "jhmdb21", "kinetics200", "kinetics400"]
NAMES += ["something_v1", "something_v2", "synthetic", "ucf101"]


def test_every_card_is_valid_named_like_its_file_and_says_where_its_numbers_come_from(tmp_path):
    assert CARDS == NAMES
    for name in CARDS:
        card = card_of(name)
        assert (card.name, bool(card.counts_from)) == (name, True)
        write_card(card, tmp_path / "again.json")
        assert read_card(tmp_path / "again.json") == card


def test_cards_say_what_the_method_says():
    kinetics, small, v1, v2 = (
        card_of(f"{name}") for name in ("kinetics400", "kinetics200", "something_v1", "something_v2")
    )
    assert (kinetics.counts, kinetics.classes) == ({"train": 240_171, "val": 19_772}, 400)
    assert small.counts == {"train": 200 * 400, "val": 200 * 25}
    assert [round(card.counts["train"] / 1000) for card in (v1, v2)] == [86, 169]
    assert [round(card.counts["val"] / 1000) for card in (v1, v2)] == [12, 25]
    assert [(card.protocol["clips"], card.protocol["crops"]) for card in (kinetics, v1)] == [(10, 3), (1, 1)]
    flips = {name: card_of(name).flip for name in CARDS}
    assert {name for name, flip in flips.items() if flip == "none"} == {"synthetic", "egogestar10"}
    assert {name for name, flip in flips.items() if flip == "label_aware"} == {"something_v1", "something_v2"}


def test_counts_are_those_of_the_fold():
    ucf = card_of("ucf101")
    assert ucf.expected(3) == {"train": 9624, "test": 3696}
    assert {sum(ucf.expected(fold).values()) for fold in (1, 2, 3)} == {13_320}
    assert card_of("jhmdb").expected(2) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flip": "sideways"}, r"set.card.json: expected flip to be one of none, mirror, label_aware, got 'sideways'"),
        ({"splits_share_sources": "yes"}, r"expected splits_share_sources to be true or false, got 'yes'"),
        ({"classes": "400"}, r"expected classes to be a count or null, got '400'"),
        ({"counts": {"train": -1}}, r"expected counts to be a count for each split.*got \{'train': -1\}"),
        ({"counts_by_fold": {"1": 5}}, r"expected counts_by_fold to be counts for each fold"),
        ({"protocol": {"clips": 10}}, r"expected protocol to be null, or num_frames \(int\), clips \(int\).*got"),
        ({"license": "MIT"}, r"expected only the fields name, title.*got license; remove or rename"),
        ({"title": None}, r"expected title to be text, got None"),
        ({"layout": ...}, r"set.card.json: expected the fields name.*layout, got no layout; add"),
    ],
)
def test_a_faulty_card_is_refused_by_file_and_field(tmp_path, change, message):
    values = json.loads((FOLDER / "kinetics400.card.json").read_text()) | change
    values = {name: value for name, value in values.items() if value is not ...}
    (tmp_path / "set.card.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match=message):
        read_card(tmp_path / "set.card.json")


def test_a_card_that_is_no_json_is_named(tmp_path):
    (tmp_path / "set.card.json").write_text("{")
    with pytest.raises(ValueError, match=r"set.card.json: "):
        read_card(tmp_path / "set.card.json")


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_videos_and_folders_of_frames_are_found_at_any_depth(tmp_path):
    touch(tmp_path, "7.webm", "a/b/c/8.MP4", "a/notes.txt", "frames/9/00001.jpg", "frames/9/00002.JPEG")
    touch(tmp_path, "thumbs/x.jpg", "thumbs/10.avi", ".hidden/11.mp4", "12.mp4.part", "empty/13/.keep")
    tree = video_tree(tmp_path)
    assert tree.paths == ["7.webm", "a/b/c/8.MP4", "frames/9", "thumbs/10.avi"]
    assert set(tree.unused) == {"a/notes.txt", "thumbs/x.jpg"}
    assert tree.junk == {".hidden": 1, "*.part": 1, ".keep": 1}
    assert by_key(tree.paths) == {"7": ["7.webm"], "8": ["a/b/c/8.MP4"], "9": ["frames/9"], "10": ["thumbs/10.avi"]}


def test_links_are_followed_and_circles_end(tmp_path):
    touch(tmp_path / "store", "1.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "back").symlink_to(tmp_path / "videos")
    assert video_tree(tmp_path / "videos").paths == ["linked/1.mp4"]


def test_names_with_dots_are_whole(tmp_path):
    touch(tmp_path, "v1.5_clip.avi", "a.b/0001.jpg")
    assert set(by_key(video_tree(tmp_path).paths)) == {"v1.5_clip", "a.b"}


@pytest.mark.parametrize("name", ["egogestar10", "jhmdb21"])
def test_our_own_splits_have_the_counts_of_their_card_and_share_no_source(name):
    table, card = pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False), card_of(name)
    assert table["split"].value_counts().to_dict() == card.counts
    assert table["label"].nunique() == card.classes
    for column in {"split", "fold"} & set(table):
        assert (table.groupby("source")[column].nunique() == 1).all()
    assert table["path"].is_unique
    assert table["original_name"].is_unique
