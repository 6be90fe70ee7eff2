"""Damaged videos by the hundred: each is read rightly, refused, or noted. ``tests.helpers.fuzz`` runs more by hand."""

from tests.helpers.fuzz import fuzz, has_hole
from tests.helpers.mutants import DAMAGES, SOURCES, mutant

MUTANTS = 300


def test_no_damage_escapes_hangs_or_hides_a_hole(tmp_path):
    outcome = fuzz(range(MUTANTS), tmp_path)
    assert outcome.escaped == []
    assert outcome.untold == []
    assert outcome.counts["hang"] == 0
    assert outcome.counts["processes"] == 0  # none but the one that decodes
    read = [outcome.counts[kind] for kind in ("error", "noted", "good")]
    assert sum(read) == MUTANTS
    assert min(read) > 20
    assert outcome.counts["holes"] > 20


def test_mutants_are_the_same_again_and_of_all_kinds():
    whole = {cell: bytes(range(256)) * 40 for cell in SOURCES}
    mutants = [mutant(whole, seed) for seed in range(len(SOURCES) * len(DAMAGES))]
    assert mutants == [mutant(whole, seed) for seed in range(len(mutants))]
    assert len({(each.source, each.damage) for each in mutants}) == len(SOURCES) * len(DAMAGES)
    assert all(each.content != whole[each.source] for each in mutants if each.damage != "swapped blocks")


def test_a_hole_is_a_frame_in_the_place_of_another():
    assert not has_hole([0, 1, -1, 3], "mkv")
    assert has_hole([0, 1, 24, 25], "mkv")
    assert has_hole([0, 1, 1, 3], "mkv")
    assert not has_hole([12, 13, -1, 15], "ts")
    assert has_hole([12, 13, 15], "ts")
