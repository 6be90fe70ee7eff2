"""One lock for all that changes the explorer's widgets: threads draw while the browser sends what a user chooses."""

import threading
from typing import Any

CHANGING = threading.RLock()


class Locked:
    """Base of a widget that threads change too. A change from the browser waits until theirs are done.

    Without it, traitlets and ipywidgets lose some of the changes that meet: both hold notifications back for a while.
    """

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take changes from the browser."""
        with CHANGING:
            super().set_state(sync_data)  # type: ignore[misc]
