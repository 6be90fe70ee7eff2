"""The report of a batch in a real browser, from the disk: it opens, unfolds, asks for nothing, and is accessible."""

import pytest

from dnrlab.batch.batch import run_batch
from tests.helpers.browser import browser_page
from tests.helpers.grids import write_grid
from tests.helpers.paths import PROJECT

pytestmark = pytest.mark.slow

SCREENSHOTS = PROJECT / "runs" / "screenshots"
DRAW = "import matplotlib.pyplot as plt\nplt.plot([seed, 1]); plt.title('drawn'); plt.show()\nprint('all', 'done')"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    text = "title: A small report\nparameters: {seed: [0, 1]}\nnotebooks: [draw]\n"
    grid = write_grid(folder, text, draw=DRAW)
    return run_batch(grid, folder / "out")["report"]


def test_it_opens_from_the_disk_and_asks_for_nothing(report):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with browser_page(1280, 900) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"file://{report}")
        assert page.locator("h1").inner_text() == "A small report"
        assert page.get_by_text("2 of 2 runs finished.").is_visible()
        picture = page.locator("details img").first
        assert not picture.is_visible()
        page.locator("summary").first.click()
        assert picture.is_visible()
        assert picture.evaluate("image => image.naturalWidth") > 100
        assert page.get_by_text("all done").first.is_visible()
        page.screenshot(path=SCREENSHOTS / "report.png", full_page=True)
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert not page.errors
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        found = axe.Axe().run(page).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
