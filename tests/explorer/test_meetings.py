"""A thread changes the explorer's widgets while its user does."""

import threading
import time

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
    thread.join()
    assert explorer.place.row == explorer.found["row"].iloc[1]
    assert explorer.finding.list.value == explorer.place.row


def test_a_choice_while_the_list_is_made_waits_for_it(explorer):
    thread = listed_slowly(explorer)
    explorer.finding.list.set_state({"index": 3})  # as from the browser
    thread.join()
    assert explorer.place.row == explorer.found["row"].iloc[3]


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
    thread.join()
    assert events == ["clip", "frame"]
