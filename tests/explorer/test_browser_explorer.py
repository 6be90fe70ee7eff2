"""The explorer in JupyterLab, in a real browser: it opens, filters, plays, moves by keyboard, asks and saves.

The tests share one page and go from top to bottom. Screenshots are kept in ``runs/screenshots``.
"""

import json
import shutil
import time

import numpy as np
import pytest

from tests.explorer.conftest import NETWORKS
from tests.helpers.explorer_page import choose, frame, open_wrong, player, row_shown, settled, times_of_steps, undo
from tests.helpers.paths import PROJECT
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

SCREENSHOTS = PROJECT / "runs" / "screenshots"
STEPS = 200
WITHIN_MS = 100


@pytest.fixture(scope="module", autouse=True)
def _screenshots():
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)


def test_it_opens_with_frames_heat_scores_and_lines(page):
    assert page.locator(".dnrlab-player canvas").count() == 3
    assert page.locator(".dnrlab-player svg").count() == 2
    assert "frame" in page.locator(".dnrlab-player .place").inner_text()
    assert " s" in page.locator(".dnrlab-player .place").inner_text()
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('.dnrlab-player canvas')].map((c) =>"
        " new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size)"
    )
    assert min(drawn) > 10  # no empty picture


def test_it_moves_by_keyboard(page):
    player(page).focus()
    page.keyboard.press("Home")
    assert frame(page) == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert frame(page) == 2
    page.keyboard.press("ArrowLeft")
    assert frame(page) == 1
    page.keyboard.press("End")
    assert frame(page) == 7
    row = row_shown(page)
    page.keyboard.press("n")
    wait_for(lambda: row_shown(page) != row)
    wait_for(lambda: frame(page) == 0)  # another video starts at its first frame
    page.keyboard.press("p")
    wait_for(lambda: row_shown(page) == row)
    settled(page)


def test_the_slider_and_the_opacity_change_the_pictures(page):
    pixels = "() => document.querySelectorAll('.dnrlab-player canvas')[1].toDataURL()"
    before = page.evaluate(pixels)
    page.get_by_label("opacity of the heat").fill("0")
    clear = page.evaluate(pixels)
    page.get_by_label("opacity of the heat").fill("85")
    page.get_by_label("frame", exact=True).fill("0")
    assert before != clear
    assert frame(page) == 0


def test_it_plays_and_pauses(page):
    player(page).focus()
    page.keyboard.press(" ")
    first = frame(page)
    wait_for(lambda: frame(page) != first)
    page.keyboard.press(" ")
    stopped = frame(page)
    time.sleep(0.5)
    assert frame(page) == stopped


def test_all_pictures_change_within_a_tenth_of_a_second(page):
    """From the key press to the end of the next frame that the browser paints, over 200 steps."""
    times = times_of_steps(page, STEPS)
    share = float(np.mean(times <= WITHIN_MS))
    SCREENSHOTS.joinpath("latency.json").write_text(
        json.dumps({"steps": STEPS, "median_ms": np.median(times), "p95_ms": np.percentile(times, 95), "within": share})
    )
    assert share >= 0.95, sorted(times)[-20:]


def test_the_list_filters_and_opens_a_video(page):
    listed = page.get_by_label("videos", exact=True)
    everything = listed.locator("option").count()
    open_wrong(page)
    choose(page, "show", "all")
    wait_for(lambda: listed.locator("option").count() == everything)


def test_a_cell_of_the_confusion_matrix_lists_its_videos(page):
    page.get_by_text("confusion matrix").click()
    cell = page.locator(".dnrlab-explorer button[title*='predicted']").first
    cell.wait_for()
    count = int(cell.inner_text())
    cell.click()
    wait_for(lambda: page.get_by_label("videos", exact=True).locator("option").count() == count)
    choose(page, "class", "any")
    choose(page, "predicted", "any")
    page.screenshot(path=SCREENSHOTS / "confusions.png")
    page.get_by_text("confusion matrix").click()  # close it


def test_another_video_shows_its_frames_within_a_second(page):
    """The median of three changes. Then three changes at once: the last one is shown."""
    player(page).focus()
    seconds = []
    for _ in range(3):
        old, start = row_shown(page), time.perf_counter()
        page.keyboard.press("n")
        wait_for(lambda old=old: row_shown(page) != old)
        seconds.append(time.perf_counter() - start)
        settled(page)
    assert sorted(seconds)[1] < 1, seconds
    old, total = row_shown(page), page.get_by_label("videos", exact=True).locator("option").count()
    for _ in range(3):
        page.keyboard.press("n")
    wait_for(lambda: row_shown(page) == (old + 3) % total)
    settled(page)
    assert row_shown(page) == (old + 3) % total


def test_a_what_if_shows_scores_before_and_after(page):
    choose(page, "frames", "backwards")
    page.wait_for_selector(".dnrlab-player .before")
    settled(page)
    assert "→" in page.locator(".dnrlab-player .value").first.inner_text()
    for width in (1280, 1920):
        page.set_viewport_size({"width": width, "height": 1600})
        time.sleep(0.5)
        page.screenshot(path=SCREENSHOTS / f"explorer_{width}.png")
    page.set_viewport_size({"width": 1400, "height": 2200})
    time.sleep(0.5)
    page.locator(".dnrlab-explorer").screenshot(path=SCREENSHOTS / "explorer.png")  # the README's picture
    page.set_viewport_size({"width": 1280, "height": 1600})
    undo(page, gone=".dnrlab-player .before")


@pytest.mark.parametrize("change", ["cut", "held"])
def test_the_relay_is_cut_and_gamma_is_held(page, change):
    if change == "cut":
        page.get_by_label("cut the relay over time").check()
    else:
        choose(page, "γ and β", "held at the first group")
    page.wait_for_selector(".dnrlab-player .old", state="attached")  # the lines before the change
    settled(page)
    undo(page, gone=".dnrlab-player .old")


def test_all_changes_are_tried_and_a_line_shows_its_change(page):
    open_wrong(page)
    listed = page.get_by_label("changes", exact=True)
    page.get_by_role("button", name="try all changes").click()
    page.get_by_text("bn is wrong (").wait_for()
    assert listed.locator("option").count() == 27
    page.set_viewport_size({"width": 1280, "height": 2000})
    page.screenshot(path=SCREENSHOTS / "changes.png")
    page.set_viewport_size({"width": 1280, "height": 1600})
    listed.select_option(index=1)
    page.wait_for_selector(".dnrlab-player .before")
    settled(page)
    undo(page, gone=".dnrlab-player .before")
    choose(page, "show", "all")
    settled(page)


def test_the_list_is_sorted(page):
    listed = page.get_by_label("videos", exact=True).locator("option")
    choose(page, "show", "all")
    wait_for(lambda: listed.count() == 10)  # the test before listed fewer
    before = listed.all_inner_texts()
    choose(page, "order", "least sure")
    wait_for(lambda: listed.all_inner_texts() != before)
    assert sorted(listed.all_inner_texts()) == sorted(before)
    choose(page, "order", "manifest")


def test_an_error_appears_in_the_widget_with_what_to_do(page):
    choose(page, "frames", "some left out")
    page.get_by_label("left out", exact=True).fill("two")
    page.get_by_label("left out", exact=True).blur()
    page.wait_for_selector(".dnrlab-explorer [role=alert]")
    assert "such as 2 3 5-7, got 'two'" in page.locator(".dnrlab-explorer [role=alert]").first.inner_text()
    undo(page, gone=".dnrlab-explorer [role=alert]")


def test_the_focus_goes_through_the_player_in_reading_order(page):
    player(page).focus()
    names = []
    for _ in range(6):
        page.keyboard.press("Tab")
        names.append(page.evaluate("() => document.activeElement.getAttribute('aria-label')"))
    assert names == ["previous frame", "play", "next frame", "frame", "speed", "opacity of the heat"]


def test_it_saves_animations(page, notebook):
    for kind in ("mp4", "GIF"):
        page.get_by_role("button", name=f"animation ({kind})").click()
        wait_for(lambda kind=kind: list(notebook.rglob(f"explorer_*.{kind.lower()}")))


def test_it_saves_a_page_that_plays_from_the_disk(page, notebook):
    page.get_by_role("button", name="page (HTML)").click()
    wait_for(lambda: list(notebook.rglob("explorer_*.html")))
    file = next(notebook.rglob("explorer_*.html"))
    alone = page.context.browser.new_page(viewport={"width": 1280, "height": 900})
    requests, errors = [], []
    alone.on("request", lambda request: requests.append(request.url))
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.goto(file.as_uri())
    alone.wait_for_selector('.dnrlab-player[data-frame="0"]')
    alone.locator(".dnrlab-player").focus()
    alone.keyboard.press("ArrowRight")
    assert alone.locator(".dnrlab-player").get_attribute("data-frame") == "1"
    alone.screenshot(path=SCREENSHOTS / "page.png")
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert errors == []
    alone.close()


def test_it_saves_a_note(page, notebook):
    page.get_by_label("note", exact=True).fill("blind to the order of frames")
    page.get_by_label("note", exact=True).blur()
    page.get_by_role("button", name="save the note").click()
    wait_for(lambda: (notebook / "bn" / "notes.csv").is_file())
    assert "blind to the order of frames" in (notebook / "bn" / "notes.csv").read_text()


def test_a_missing_run_is_explained_and_other_runs_are_opened_in_place(page, notebook):
    page.get_by_text("runs and videos").click()
    folders = page.get_by_label("run folders, one per line")
    folders.fill("bn\nnowhere")
    page.get_by_role("button", name="open", exact=True).click()
    page.locator(".dnrlab-explorer [role=alert]").filter(has_text="nowhere").wait_for()
    assert page.locator(".dnrlab-player canvas").count() == 3  # what was open stays
    shutil.copytree(NETWORKS / "bn", notebook / "dense")
    config = json.loads((notebook / "dense" / "config.json").read_text())
    config["data"] |= {"sampling": "dense", "frame_interval": 1}
    (notebook / "dense" / "config.json").write_text(json.dumps(config))
    folders.fill("dense")
    page.get_by_role("button", name="open", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('.dnrlab-player canvas').length === 2")
    page.wait_for_selector(".dnrlab-player .scores")


def test_a_long_video_goes_on_with_its_next_clip(page):
    """The video has more frames than a clip of the run that was opened last: a step after the last frame goes on."""
    where = page.locator(".dnrlab-player .place")
    first = where.inner_text()
    assert ", clip " in first
    player(page).focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    clip = first.split(", clip ")[1]
    wait_for(lambda: where.inner_text().startswith("frame 1 of") and clip not in where.inner_text())
    page.keyboard.press("ArrowLeft")  # back to the last frame of the clip before
    wait_for(lambda: where.inner_text().startswith("frame 8 of") and clip in where.inner_text())


def test_it_is_accessible(page):
    """No serious finding of axe on the explorer: contrast, names of controls, order of focus."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page, context=".dnrlab-explorer").response["violations"]
    serious = [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found
               if each["impact"] in ("serious", "critical")]  # fmt: skip
    assert serious == []
