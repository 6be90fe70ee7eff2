"""A thread changes the explorer's widgets while its user does."""

import threading
import time

import pytest

from dnrlab.data.decode.types import VideoError
from dnrlab.explorer import body as module
from dnrlab.explorer.locked import CHANGING
from dnrlab.explorer.player import Player


def listed_slowly(explorer):
    """A thread that has begun to make the list anew, which takes it 0.3 s."""
    filled = threading.Event()

    def slowly(_):
        filled.set()
        time.sleep(0.3)

    explorer.finding.list.fill([])
    explorer.finding.list.observe(slowly, "_options_labels")
    thread = threading.Thread(target=explorer.search)
    thread.start()
    assert filled.wait(60)
    return thread


def test_a_video_opened_while_the_list_is_made_stays_open(explorer):
    """Scores arrive in a thread and make the list anew; meanwhile the next video is opened."""
    thread = listed_slowly(explorer)
    explorer.move("next")
    ended(thread)
    assert explorer.place.row == explorer.found["row"].iloc[1]
    assert explorer.finding.list.value == explorer.place.row


def test_a_choice_while_the_list_is_made_waits_for_it(explorer):
    thread = listed_slowly(explorer)
    explorer.finding.list.set_state({"index": 3})  # as from the browser
    ended(thread)
    assert explorer.place.row == explorer.found["row"].iloc[3]


def test_a_choice_that_waited_while_the_lines_changed_is_dropped(explorer):
    """The browser sends the number of a line. It must not become that of another video."""
    listed, waits = explorer.finding.list, threading.Event()
    lines, real = list(listed.options), listed.values_of
    explorer.open_video(int(lines[5][1]))

    def values_of():
        values = real()
        waits.set()
        return values

    with CHANGING:
        listed.values_of = values_of
        thread = threading.Thread(target=listed.set_state, args=({"index": 3},))
        thread.start()
        assert waits.wait(60)
        listed.fill(lines[::-1], lines[5][1])
    ended(thread)
    assert explorer.place.row == lines[5][1]
    assert listed.value == lines[5][1]


def test_what_an_earlier_request_finds_does_not_show_above_a_later_one(explorer, monkeypatch):
    """A video whose reading fails late, after another video was opened."""
    begun, go_on = threading.Event(), threading.Event()
    real = module.view_clip

    def slowly(videos, row, *words, **named):
        if row == 1:
            begun.set()
            assert go_on.wait(60)
            raise VideoError("bad.mp4", "broken; remove it")
        return real(videos, row, *words, **named)

    monkeypatch.setattr(module, "view_clip", slowly)
    explorer.open_video(1)
    assert begun.wait(60)
    explorer.open_video(2)
    go_on.set()
    assert explorer.wait(60)
    assert explorer.status.value == ""
    assert explorer.seen.place.row == 2


def test_a_late_look_of_a_network_is_not_shown_for_the_next_video(explorer):
    """Also a list of changes that was computed for the video before."""
    seen, place = explorer.seen, explorer.place
    explorer.open_video(3)
    assert explorer.wait(60)
    explorer.show(place, seen, None)
    assert explorer.seen.place.row == 3
    list(zip(explorer.add_changes(place, seen.view), range(1), strict=False))
    assert not explorer.trying.list.options


@pytest.mark.parametrize("move", [lambda explorer: explorer.open_video(2), lambda explorer: explorer.move("later")])
def test_a_video_is_opened_when_nothing_else_changes_widgets(explorer, move):
    before = explorer.place
    with CHANGING:
        thread = threading.Thread(target=move, args=(explorer,))
        thread.start()
        time.sleep(0.2)
        assert explorer.place == before
    ended(thread)


def test_dropdowns_that_threads_fill_take_choices_one_at_a_time(explorer):
    with CHANGING:
        thread = threading.Thread(target=explorer.looking.lines_layer.set_state, args=({"index": 1},))
        thread.start()
        time.sleep(0.2)
        assert explorer.looking.lines_layer.index == 0
    ended(thread)
    assert explorer.looking.lines_layer.index == 1


def ended(thread):
    thread.join(60)
    assert not thread.is_alive()


def test_a_frame_from_the_browser_waits_for_the_clip_that_is_being_shown():
    player, begun, events = Player(), threading.Event(), []

    def slowly(_):
        begun.set()
        time.sleep(0.3)
        events.append("clip")

    player.observe(slowly, "scene")
    player.observe(lambda _: events.append("frame"), "frame")
    thread = threading.Thread(target=player.show, args=({"key": "1"}, [], []))
    thread.start()
    assert begun.wait(60)
    player.set_state({"frame": 3})
    ended(thread)
    assert events == ["clip", "frame"]
