"""Left and right in labels, whatever joins the words."""

import pytest

from dnrlab.data.mirror import mirror_warning, mirrored_classes


def test_left_and_right_change_places_only_where_both_are_classes():
    classes = (
        "Pulling something from left to right",
        "Pulling something from right to left",
        "Pulling it right out",
        "Standing upright",
        "Right turn",
        "Left turn",
    )
    assert mirrored_classes(classes) == [1, 0, 2, 3, 5, 4]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("swipe_left", "swipe_right"),
        ("swipe-left-2", "swipe-right-2"),
        ("SwipeLeft", "SwipeRight"),
        ("swipeLeftHand", "swipeRightHand"),
        ("ARMLeft", "ARMRight"),
        ("TURN_LEFT", "TURN_RIGHT"),
        ("2left", "2right"),
        ("left3", "right3"),
        ("moving leftwards", "moving rightwards"),
        ("Leftward", "Rightward"),
        ("two lefts", "two rights"),
        ("leftmost", "rightmost"),
        ("left-handed throw", "right-handed throw"),
        ("swipeleft", "swiperight"),
        ("TURNLEFT", "TURNRIGHT"),
        ("left to right", "right to left"),
    ],
)
def test_the_words_are_found_whatever_joins_them(left, right):
    assert mirrored_classes(["jump", left, "copyright", right]) == [0, 3, 2, 1]


def test_the_words_within_other_words_stay_beside_words_of_their_own():
    assert mirrored_classes(["copyright left", "copyright right", "bright", "left over", "leftover"]) == [1, 0, 2, 3, 4]


def test_labels_of_which_none_changes_are_a_warning():
    assert mirror_warning(["swipe_left", "swipe_right"]) == []
    assert mirror_warning(["jump", "upright"]) == []
    (warning,) = mirror_warning(["jump", "swipe_left", "swipe right"])
    assert warning.startswith("flip is label_aware, but no label has its mirror image among the classes, such as 'swi")


def test_words_that_nothing_joins_are_a_warning_too():
    assert "such as 'swipeleft'" in mirror_warning(["swipeleft", "turnright"])[0]
    assert mirror_warning(["a bright room", "leftovers", "copyright"]) == []
