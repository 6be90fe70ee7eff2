"""The controls around the player. Each panel is a box of widgets; ``Explorer`` reads and sets them."""

import html
import re
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from dnrlab.explain.affine.relay_cut import KINDS
from dnrlab.explain.what_if import FRAMES, HELD, NOTHING, WhatIf
from dnrlab.explorer.choice_list import LABEL
from dnrlab.explorer.locked import Locked

MOST_NUMBERS = 10_000  # in a span such as 5-7
FRAME_WORDS = {
    "forwards": "as recorded",
    "within groups": "shuffled within groups",
    "across groups": "groups shuffled",
    "frames dropped": "some left out",
}
HELD_WORDS = {"class mean": "mean of the video's class"}
CUTS = {  # in the order of KINDS, with their tooltips
    "cut the relay over time": "each group of frames starts anew, without the state of the group before",
    "cut the relay over layers": "each layer starts anew, without the state of the layer before",
}
SAVED = {
    "picture": "picture",
    "mp4": "animation (mp4)",
    "gif": "animation (GIF)",
    "page": "page (HTML)",
}


class Dropdown(Locked, widgets.Dropdown):  # type: ignore[misc]
    """A list to choose from whose lines a thread may change."""


def dropdown(description: str, options: Sequence[Any], width: str = "auto", **more: Any) -> Dropdown:
    """A list to choose from, with its description before it."""
    return Dropdown(description=description, options=options, style=LABEL, layout=widgets.Layout(width=width), **more)


class OpenPanel(widgets.Accordion):  # type: ignore[misc]
    """Runs, manifest and split, and a button that opens them."""

    def __init__(self, runs: Sequence[str], manifest: str, split: str, on_open: Callable[[], None]) -> None:
        wide = widgets.Layout(width="98%")
        self.runs = widgets.Textarea(
            "\n".join(runs), description="run folders, one per line", style=LABEL, layout=wide, rows=3
        )
        self.manifest = widgets.Text(manifest, description="manifest", style=LABEL, layout=wide)
        self.split = widgets.Text(split, description="split", style=LABEL)
        button = widgets.Button(description="open", tooltip="open these runs and videos")
        button.on_click(lambda _: on_open())
        super().__init__(
            [widgets.VBox([self.runs, self.manifest, widgets.HBox([self.split, button])])], titles=["runs and videos"]
        )

    @property
    def named(self) -> tuple[list[str], str, str]:
        """Run folders, manifest and split."""
        runs = [run.strip() for run in self.runs.value.splitlines()]
        return [run for run in runs if run], self.manifest.value.strip(), self.split.value.strip()


class LookPanel(widgets.HBox):  # type: ignore[misc]
    """What is explained and drawn: class, layer of the heat map, and network, layer and channels of the lines."""

    def __init__(
        self, classes: Sequence[str], layers: Sequence[str], with_dnr: Sequence[str],
        on_look: Callable[[], None], on_lines: Callable[[], None],
    ) -> None:  # fmt: skip
        own = [("predicted", "predicted"), ("the video's class", "label"), *((name, name) for name in classes)]
        self.target = dropdown("heat for class", own)
        self.layer = dropdown("heat of layer", [("finest map", ""), *((name, name) for name in layers)])
        self.run = dropdown("γ and β of", list(with_dnr) or [("no network with DNR", "")])
        self.lines_layer = dropdown("layer", [("most moving", "")])
        self.channels = widgets.Text(
            description="channels", placeholder="most moving, or 3 17", style=LABEL, continuous_update=False
        )
        for control in (self.target, self.layer):
            control.observe(lambda _: on_look(), "value")
        for control in (self.run, self.lines_layer, self.channels):
            control.observe(lambda _: on_lines(), "value")
        controls = [self.target, self.layer, self.run, self.lines_layer, self.channels]
        super().__init__(controls, layout=widgets.Layout(flex_flow="row wrap"))

    def set_layers(self, layers: Sequence[str]) -> None:
        """Offer the layers whose lines there are; the chosen one stays if it is still there."""
        options = [("most moving", ""), *((name, name) for name in layers)]
        if list(self.lines_layer.options) != options:
            before = self.lines_layer.value
            self.lines_layer.options = options
            self.lines_layer.value = before if before in layers else ""


class WhatIfPanel(widgets.VBox):  # type: ignore[misc]
    """Changes of the clip and of the networks. ``on_change`` is called when the question changes."""

    def __init__(self, num_frames: int, on_change: Callable[[], None]) -> None:
        self.on_change, self.resetting = on_change, False
        self.frames = dropdown(
            "frames", [(FRAME_WORDS.get(name, name), name) for name in FRAMES],
            tooltip="change the clip: does the network need the order of the frames, or only one of them?",
        )  # fmt: skip
        self.frame = widgets.BoundedIntText(
            1,
            min=1,
            max=num_frames,
            description=f"held frame (1–{num_frames})",
            style=LABEL,
            layout=widgets.Layout(width="180px"),
        )
        self.dropped = widgets.Text(
            description="left out", placeholder="such as 2 3 5-7", style=LABEL, continuous_update=False
        )
        self.cut = {
            kind: widgets.Checkbox(description=text, indent=False, tooltip=tip)
            for kind, (text, tip) in zip(KINDS, CUTS.items(), strict=True)
        }
        self.held = dropdown(
            "γ and β",
            [("as computed", ""), *((f"held at the {HELD_WORDS.get(name, name)}", name) for name in HELD[1:])],
            tooltip="all frame groups get the same scale and shift: does the network need them to move?",
        )
        self.reset = widgets.Button(description="undo all changes")
        self.result = widgets.HTML()  # what is wrong with the question
        self.reset.on_click(lambda _: self.clear())
        for control in (self.frames, self.frame, self.dropped, *self.cut.values(), self.held):
            control.observe(self.changed, "value")
        line = widgets.Layout(flex_flow="row wrap")
        clip = widgets.HBox([self.frames, self.frame, self.dropped], layout=line)
        network = widgets.HBox([*self.cut.values(), self.held, self.reset], layout=line)
        super().__init__([clip, network, self.result])
        self.enable()

    def changed(self, _: dict[str, Any]) -> None:
        """Show the controls that count, and pass the change on."""
        self.enable()
        if not self.resetting:
            self.on_change()

    def enable(self) -> None:
        """Show only what the chosen change of the frames uses."""
        self.frame.layout.display = "" if self.frames.value == "one frame held" else "none"
        self.dropped.layout.display = "" if self.frames.value == "frames dropped" else "none"

    def ask(self, question: WhatIf) -> None:
        """Set the controls to a question, with one call of ``on_change``."""
        self.resetting = True
        try:
            self.frames.value, self.held.value, self.frame.value = question.frames, question.held, question.frame + 1
            self.dropped.value = " ".join(str(frame + 1) for frame in question.dropped)
            for kind, box in self.cut.items():
                box.value = kind in question.cut
        finally:
            self.resetting = False
        self.on_change()

    def clear(self) -> None:
        """Undo all changes."""
        self.ask(NOTHING)

    @property
    def question(self) -> WhatIf:
        """What the controls ask. ValueError if the dropped frames are no numbers."""
        return WhatIf(
            frames=self.frames.value,
            frame=self.frame.value - 1 if self.frames.value == "one frame held" else 0,
            dropped=tuple(number - 1 for number in numbers(self.dropped.value, "frames"))
            if self.frames.value == "frames dropped"
            else (),
            cut=tuple(kind for kind, box in self.cut.items() if box.value),
            held=self.held.value,
        )


class SavePanel(widgets.VBox):  # type: ignore[misc]
    """Buttons that save what is shown. ``on_save`` is called with picture, mp4, gif or page."""

    def __init__(self, on_save: Callable[[str], None]) -> None:
        buttons = []
        for kind, text in SAVED.items():
            button = widgets.Button(description=text, tooltip=f"save {text}")
            button.on_click(lambda _, kind=kind: on_save(kind))
            buttons.append(button)
        self.result = widgets.HTML()
        super().__init__([widgets.HBox(buttons), self.result])


def numbers(text: str, what: str) -> list[int]:
    """The whole numbers in a text, separated by spaces or commas: "2 5-7" gives 2, 5, 6, 7. ValueError for others."""
    found: list[int] = []
    for word in text.replace(",", " ").split():
        span = re.fullmatch(r"(\d{1,6})(?:[-–](\d{1,6}))?", word)
        if span is None:
            raise ValueError(f"expected {what} as numbers, such as 2 3 5-7, got {word!r}; correct it")
        found += range(int(span[1]), min(int(span[2] or span[1]), int(span[1]) + MOST_NUMBERS) + 1)
    return found


def section(title: str, *panels: widgets.Widget) -> widgets.VBox:
    """Panels with their title above them."""
    return widgets.VBox(
        [widgets.HTML(f'<div class="dnrlab-section" role="heading" aria-level="3">{title}</div>'), *panels]
    )


def in_red(text: str) -> str:
    """A line of an error, as HTML."""
    return f'<span role="alert" style="color:#a53f00">{html.escape(text)}</span>'


def close_all(widget: widgets.Widget) -> None:
    """Close a widget with all that belongs to it: ipywidgets holds every widget that is not closed."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, widgets.Widget):
            part.close()
    widget.close()
