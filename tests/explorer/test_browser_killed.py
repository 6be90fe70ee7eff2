"""The explorer in JupyterLab when its kernel is killed."""

import os
import re
import signal

import pytest

from tests.helpers.browser import run_all
from tests.helpers.explorer_page import frame, player, row_shown, settled
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow


def test_after_a_killed_kernel_the_same_notebook_opens_it_again(page):
    """The player goes on with what it has; the kernel that JupyterLab starts takes the place of the killed one."""
    killed = kernel_of(page)
    os.kill(killed, signal.SIGKILL)
    page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    player(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert frame(page) == 1
    page.wait_for_selector('#jp-main-statusbar :text("| Idle")', timeout=90_000)
    run_all(page, "all done")
    wait_for(lambda: kernel_of(page) not in (0, killed))
    settled(page)
    row = row_shown(page)
    player(page).focus()
    page.keyboard.press("n")
    wait_for(lambda: row_shown(page) != row)


def kernel_of(page):
    """The process of the kernel that ran the last cell; 0 while it runs."""
    found = re.findall(r"all done (\d+)", " ".join(page.locator(".jp-OutputArea-output").all_inner_texts()))
    return int(found[-1]) if found else 0
