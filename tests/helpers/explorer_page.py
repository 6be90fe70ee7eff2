"""The explorer on a page of a browser: what its tests look at and choose."""


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


def choose(page, description, option):
    page.get_by_label(description, exact=True).select_option(label=option)
