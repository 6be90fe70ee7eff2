"""The table of videos as widgets: filters, order, the list, and the confusion matrix."""

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd

from dnrlab.explorer.choice_list import LABEL, ChoiceList
from dnrlab.explorer.find import ANY, ORDER, SHOW, Query, confusions, line_of, most_confused
from dnrlab.explorer.panels import close_all, dropdown

MOST_LINES = 500  # videos in the list; a browser is slow with more
MOST_CLASSES = 12  # of the confusion matrix
CELL = {"width": "72px", "height": "26px", "margin": "1px", "justify_content": "center"}  # of the confusion matrix


class FindPanel(widgets.VBox):  # type: ignore[misc]
    """The table of videos: filters, order, the list, and the confusion matrix.

    Args:
        runs: names of the networks.
        classes: names of the classes.
        on_query: called when the query changes.
        on_choice: called with the row of the manifest that was chosen.
    """

    def __init__(
        self,
        runs: Sequence[str],
        classes: Sequence[str],
        on_query: Callable[[], None],
        on_choice: Callable[[int], None],
    ) -> None:
        self.runs = list(runs)
        self.run = dropdown("network", self.runs)
        self.which = dropdown("show", SHOW)
        self.label = dropdown("class", [("any", ANY), *((name, name) for name in classes)])
        self.predicted = dropdown("predicted", [("any", ANY), *((name, name) for name in classes)])
        self.order = dropdown("order", ORDER)
        self.text = widgets.Text(description="path has", style=LABEL, continuous_update=False)
        self.header = widgets.HTML()
        self.list = ChoiceList("videos", on_choice)
        self.matrix = widgets.VBox()
        self.drawn: tuple[str, pd.DataFrame] | None = None  # network and table of the matrix
        query = (self.run, self.which, self.label, self.predicted, self.order, self.text)
        self.on_query, self.asking = on_query, False
        for control in query:
            control.observe(self.changed, "value")
        rows = [widgets.HBox(query, layout=widgets.Layout(flex_flow="row wrap")), self.header, self.list]
        matrix = widgets.Accordion([self.matrix], titles=["confusion matrix: choose a cell to list its videos"])
        super().__init__([*rows, matrix])

    def changed(self, _: dict[str, Any]) -> None:
        """Pass a change of the query on, unless several change together."""
        if not self.asking:
            self.on_query()

    @property
    def query(self) -> Query:
        """What the controls ask for."""
        return Query(
            run=self.run.value,
            show=self.which.value,
            label=self.label.value,
            predicted=self.predicted.value,
            text=self.text.value,
            order=self.order.value,
        )

    def list_videos(self, found: pd.DataFrame, total: int, row: int | None) -> None:
        """Fill the list with rows of ``video_table``, and mark ``row`` if it is one of them."""
        shown = found.iloc[:MOST_LINES]
        width = max((len(name) for name in shown["label"]), default=5)
        options = [(line_of(video, self.runs, width), int(video["row"])) for _, video in shown.iterrows()]
        more = f", the first {MOST_LINES} are listed" if len(found) > MOST_LINES else ""
        self.header.value = html.escape(
            f"{len(found)} of {total} videos{more}. Columns: row, class, {', '.join(self.runs)}, end of the path"
        )
        self.list.fill(options, row)

    def show_confusions(self, table: pd.DataFrame) -> None:
        """Draw the confusion matrix of the chosen network, a button for each cell with videos."""
        run = self.run.value
        if self.drawn is not None and self.drawn[0] == run and self.drawn[1] is table:
            return
        self.drawn, old = (run, table), self.matrix.children
        self.matrix.children = self.confusion_rows(table, run)
        for row in old:
            close_all(row)

    def confusion_rows(self, table: pd.DataFrame, run: str) -> list[widgets.Widget]:
        """The rows of the confusion matrix."""
        if f"predicted:{run}" not in table:
            return [plain(f"no predictions of {run} yet", widgets.Layout())]
        classes = most_confused(table, run, MOST_CLASSES)
        counts = confusions(table, run, classes)
        head = widgets.Layout(width="130px")
        rows = [widgets.HBox([widgets.Label("class ↓ guess →", layout=head), *map(heading, classes)])]
        for label in classes:
            cells = [self.cell(label, predicted, int(counts.loc[label, predicted])) for predicted in classes]
            rows.append(widgets.HBox([plain(label, head), *cells]))
        return rows

    def cell(self, label: str, predicted: str, count: int) -> widgets.Widget:
        """A button that lists the videos of a cell; nothing to press where there are none."""
        if not count:
            return widgets.Label("·", layout=CELL)
        colour = "#cfe3f1" if label == predicted else "#f6d9c5"
        button = widgets.Button(
            description=str(count), layout=CELL, tooltip=f"{count} videos of {label}, predicted {predicted}",
            style={"button_color": colour},
        )  # fmt: skip
        button.on_click(lambda _: self.ask(label, predicted))
        return button

    def ask(self, label: str, predicted: str) -> None:
        """Ask for the videos of a cell."""
        self.asking = True
        try:
            self.which.value, self.text.value = "all", ""
            self.label.value, self.predicted.value = label, predicted
        finally:
            self.asking = False
        self.on_query()


def heading(name: str) -> widgets.HTML:
    """A column's name; long names are cut, and shown whole under the pointer."""
    return plain(name if len(name) < 10 else f"{name[:8]}…", widgets.Layout(**CELL), tooltip=name)


def plain(text: str, layout: widgets.Layout, **more: str) -> widgets.HTML:
    """Text as it is. (A ``Label`` would draw formulas in it.)"""
    return widgets.HTML(html.escape(text), layout=layout, **more)
