"""The list of all single changes as a widget: press the button, read what changes a prediction, choose a line."""

import html
from collections.abc import Callable

import ipywidgets as widgets

from dnrlab.explain.what_if import NOTHING, WhatIf
from dnrlab.explorer.choice_list import ChoiceList
from dnrlab.explorer.try_all import Guess, Guesses, findings, telling_first


class TryPanel(widgets.VBox):  # type: ignore[misc]
    """A button that tries all single changes of the clip, and the list of what networks predict then.

    Args:
        on_try: called when the button is pressed; ``asked`` is true then.
        on_choice: called with the change of the line that was chosen.
    """

    def __init__(self, on_try: Callable[[], None], on_choice: Callable[[WhatIf], None]) -> None:
        self.on_try, self.asked = on_try, False
        self.tried: dict[WhatIf, Guesses] = {}
        self.button = widgets.Button(
            description="try all changes",
            button_style="primary",
            tooltip="what would change a prediction? each order of the frames, each frame held or dropped, each cut",
        )
        self.button.on_click(lambda _: self.ask())
        self.header = widgets.HTML()
        self.list = ChoiceList("changes", on_choice)
        super().__init__([self.button, self.header, self.list])
        self.clear()

    def clear(self) -> None:
        """Forget the changes of the clip before."""
        self.asked, self.tried, self.header.value = False, {}, ""
        self.list.fill([])
        self.list.layout.display = "none"

    def ask(self) -> None:
        """Ask for all changes of the clip that is shown."""
        self.asked, self.header.value = True, self.header.value or "trying …"
        self.on_try()

    def show(self, tried: dict[WhatIf, Guesses], total: int, label: str) -> None:
        """List what was tried of ``total`` changes for a clip of class ``label``."""
        self.tried, number = tried, len(tried) - 1
        order = telling_first(tried, label) if number == total else list(tried)
        width = max(len(question.words) for question in order)
        names = max((len(own.predicted) for guesses in tried.values() for own in guesses.values()), default=5)
        lines: list[tuple[str, WhatIf]] = []
        for question in order:
            cells = [cell(own, tried[NOTHING][name], label, names) for name, own in tried[question].items()]
            lines.append(("  ".join([f"{question.words or 'no change':<{width}}", *cells]), question))
        self.list.fill(lines)
        self.list.layout.display = ""
        columns = f"Columns: change, {', '.join(tried[NOTHING])}. → marks a prediction that changes."
        if number < total:
            self.header.value = html.escape(f"{number} of {total} changes tried. {columns}")
            return
        sentences = [*findings(tried, label), f"{columns} Choose a line to see it."]
        self.header.value = "".join(f'<div style="line-height: 1.4">{html.escape(each)}</div>' for each in sentences)


def cell(own: Guess, before: Guess, label: str, width: int) -> str:
    """A network's prediction: an arrow if it changed, a check mark if it is right, and its score."""
    if own.error:
        return f"  ! {'error':<{width}}     "
    arrow = " " if own.predicted == before.predicted else "→"
    return f"{arrow} {'✓' if own.predicted == label else '✗'} {own.predicted:<{width}} {own.score:.2f}"
