"""Wait for what another process does."""

import time


def wait_for(check, seconds=240):
    """Wait until ``check()`` is true. AssertionError after ``seconds``."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
