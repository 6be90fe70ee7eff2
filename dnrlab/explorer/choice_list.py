"""A list to choose from whose lines a thread may change while a user chooses."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from dnrlab.explorer.locked import CHANGING, Locked

LABEL = {"description_width": "initial"}


class ChoiceList(Locked, widgets.Select):  # type: ignore[misc]
    """A list of lines. ``on_choice`` is called with the value of a line that is chosen, not while lines are set."""

    def __init__(self, description: str, on_choice: Callable[[Any], None]) -> None:
        self.setting = False
        super().__init__(rows=9, layout=widgets.Layout(width="auto"), description=description, style=LABEL)
        self.add_class("dnrlab-list")
        self.on_choice = on_choice
        self.observe(self.choose, "value")

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take a choice, the number of a line; not if the lines become others while it waits."""
        values = self.values_of()
        with CHANGING:
            if self.values_of() == values:
                super().set_state(sync_data)
            else:
                self.send_state("index")

    def values_of(self) -> list[Any]:
        """The values of the lines."""
        return [value for _, value in self.options]

    def choose(self, change: Mapping[str, Any]) -> None:
        """Pass the chosen value on."""
        if not self.setting and change["new"] is not None:
            self.on_choice(change["new"])

    def fill(self, lines: Sequence[tuple[str, Any]], value: Any = None) -> None:
        """Set the lines, texts and values, and mark the one with ``value``; none if there is no such line."""
        with self.not_chosen():
            self.options = lines
            self.value = value if value in self.values_of() else None

    def mark(self, value: Any) -> None:
        """Mark the line with ``value`` without choosing it; none if there is no such line."""
        with self.not_chosen():
            self.value = value if value in self.values_of() else None

    @contextmanager
    def not_chosen(self) -> Iterator[None]:
        """Changes within the block are no choices."""
        with CHANGING:
            self.setting = True
            try:
                yield
            finally:
                self.setting = False
