"""The explorer on a page of a browser: what its tests look at and choose."""

import numpy as np

from tests.helpers.waiting import wait_for


def player(page):
    return page.locator(".dnrlab-player")


def settled(page, seconds=60):
    """Wait until all networks have looked at the clip."""
    page.wait_for_function(
        "() => { const p = document.querySelector('.dnrlab-player'); return p.dataset.loading === 'no' &&"
        " !p.querySelector('.waiting') && p.querySelectorAll('.scores').length === 2; }",
        timeout=1000 * seconds,
    )


def frame(page):
    return int(player(page).get_attribute("data-frame"))


def row_shown(page):
    """The row of the manifest that the player shows."""
    return int(player(page).get_attribute("data-clip").split(".")[0])


def choose(page, description, option):
    page.get_by_label(description, exact=True).select_option(label=option)


def open_wrong(page):
    """List the videos that a network gets wrong, open the first one, and wait until it is shown."""
    listed = page.get_by_label("videos", exact=True)
    everything = listed.locator("option").count()
    choose(page, "show", "wrong")
    wait_for(lambda: 0 < listed.locator("option").count() < everything)
    listed.select_option(index=0)
    page.wait_for_selector(".dnrlab-player .wrong")
    settled(page)


def times_of_steps(page, steps):
    """Milliseconds from each of some presses of a key to the end of the next frame that the browser paints."""
    page.evaluate(
        """() => {
          window.times = [];
          const player = document.querySelector('.dnrlab-player');
          player.addEventListener('keydown', (event) => {
            const before = player.dataset.frame;
            requestAnimationFrame(() => setTimeout(() => {
              if (player.dataset.frame !== before) window.times.push(performance.now() - event.timeStamp);
            }));
          }, true);
        }"""
    )
    player(page).focus()
    for step in range(steps):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"() => window.times.length > {step}", timeout=10_000)
    return np.array(page.evaluate("() => window.times"))


def undo(page, gone):
    """Undo all changes, and wait until what they showed is gone."""
    page.get_by_role("button", name="undo all changes").click()
    page.wait_for_selector(gone, state="detached")
    settled(page)
