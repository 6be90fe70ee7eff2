"""The explorer of some opened runs: the player, and the controls around it."""

import html
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pandas as pd

from dnrlab.data.decode.reader import READER
from dnrlab.data.decode.types import VideoError
from dnrlab.data.video_span import find_video
from dnrlab.explain.clips import ClipView, view_clip
from dnrlab.explain.what_if import NOTHING, WhatIf, changed_view
from dnrlab.explorer import save
from dnrlab.explorer.background import Background
from dnrlab.explorer.clip import ClipSeen, Place, explained, num_windows
from dnrlab.explorer.find import find, video_table
from dnrlab.explorer.find_panel import FindPanel
from dnrlab.explorer.locked import CHANGING
from dnrlab.explorer.networks import Networks
from dnrlab.explorer.notes import NotePanel
from dnrlab.explorer.opened import Opened
from dnrlab.explorer.panels import LookPanel, SavePanel, WhatIfPanel, close_all, in_red, numbers, section
from dnrlab.explorer.player import Player
from dnrlab.explorer.scene import NO_CLIP, heats_of, lines_of_clip, scene_of
from dnrlab.explorer.scores import score_videos, tables_of
from dnrlab.explorer.try_all import Guesses, single_changes, try_all
from dnrlab.explorer.try_panel import TryPanel
from dnrlab.figures import figures_folder
from dnrlab.runs.load import Run

SIDE = 224  # pixels of the frames that are shown
REFRESH_SECONDS = 3.0  # between two refreshes of the list while videos are scored


class Body(widgets.VBox):  # type: ignore[misc]
    """All of the explorer but the choice of runs. Its methods do what its controls do.

    Two threads work beside the notebook: one reads frames, the other runs networks. Each works on the newest request
    alone. ``place`` is what was asked for last, ``pair`` what is shown: the clip, and the same before the change.

    Args:
        opened: runs and videos.
        memory: bytes of the clips that stay in the kernel.
        out_dir: folder for what is saved; empty: ``runs/figures/`` and the names of the runs.
    """

    def __init__(self, opened: Opened, memory: int, out_dir: str = "") -> None:
        self.out_dir = out_dir or str(figures_folder(list(opened.folders.values())))
        self.opened, self.runs, self.videos = opened, opened.runs, opened.videos
        self.networks = Networks(opened, memory)
        self.reading, self.background = Background(self.report), Background(self.report)
        self.place = Place(0, None, "", "predicted", NOTHING)
        self.start, self.windows = 0, 1
        self.pair: tuple[ClipSeen | None, ClipSeen | None] = None, None
        self.predictions = opened.predictions
        self.table = video_table(self.videos, self.predictions)
        self.unscored = {name: run for name, run in self.runs.items() if f"predicted:{name}" not in self.table}
        self.scoring = self.measured = False
        self.status, self.progress = widgets.HTML(), widgets.HTML()
        self.finding = FindPanel(list(self.runs), opened.classes, self.search, self.open_video)
        self.looking = LookPanel(opened.classes, opened.layers, opened.with_dnr, self.look, self.draw)
        self.asking = WhatIfPanel(opened.data.num_frames, self.look)
        self.trying = TryPanel(self.look, self.asking.ask)
        self.saving = SavePanel(self.save)
        self.noting = NotePanel(opened.folders, self.videos.rows, self.facts)
        self.finding.run.observe(lambda _: self.noting.show(self.finding.run.value, self.place.row), "value")
        self.player = Player(self.move)
        parts = [section("find", self.progress, self.finding), section("look", self.looking),
                 section("what if", self.asking, self.trying), self.status, self.player,
                 section("save", self.saving, self.noting)]  # fmt: skip
        super().__init__(parts)
        self.search()
        self.open_video(int(self.found["row"].iloc[0]))
        if self.unscored:
            self.start_scoring(self.unscored)

    seen = property(lambda self: self.pair[0], doc="What is shown, a ClipSeen or None.")

    def search(self) -> None:
        """List the videos that the controls ask for."""
        with CHANGING:
            try:
                self.found = find(self.table, self.finding.query)
            except ValueError as error:
                hint = "scores are being computed" if self.scoring else html.escape(str(error))
                self.finding.header.value = in_red(hint)
                return
            self.finding.list_videos(self.found, len(self.table), self.place.row)
            self.finding.show_confusions(self.table)
        if self.finding.order.value == "γ moves most" and "movement" not in self.table and not self.scoring:
            if self.opened.with_dnr and not self.measured:
                self.measured = True  # once, also if it fails
                self.start_scoring(self.runs)
            elif not self.opened.with_dnr:
                self.finding.header.value = in_red("expected a network with DNR to order by γ, got none; open one")

    def open_video(self, row: int) -> None:
        """Show the middle clip of a video, a row of the split, from 0.

        Raises: IndexError if there is no such row.
        """
        if not 0 <= row < len(self.table):
            raise IndexError(f"expected a row in [0, {len(self.table)}), got {row}; choose one of the split's rows")
        with CHANGING:
            self.place, self.start = self.place._replace(row=row, window=None), 0
            self.noting.show(self.finding.run.value, row)
            self.trying.clear()
            self.finding.list.mark(row)
            self.look()

    def move(self, where: str) -> None:
        """Go to the next or previous video of the list, or to a later or earlier clip of a long video."""
        with CHANGING:
            if where in ("later", "earlier") and self.seen is not None:
                window = (self.seen.place.window or 0) + (1 if where == "later" else -1)
                self.place = self.place._replace(window=window % self.windows)
                self.start = 0 if where == "later" else self.opened.data.num_frames - 1
                self.trying.clear()
                self.look()
            elif where in ("next", "previous") and len(self.found):
                rows, step = self.found["row"].tolist(), 1 if where == "next" else -1
                at = rows.index(self.place.row) + step if self.place.row in rows else min(step, 0)
                self.open_video(int(rows[at % len(rows)]))

    def look(self) -> None:
        """Show the clip as the controls ask: at once what is known, the rest in the background."""
        self.status.value = self.asking.result.value = ""
        question = NOTHING
        try:
            question = self.asking.question
        except ValueError as error:
            self.asking.result.value = in_red(explained(error))
        layer, target = self.looking.layer.value, self.looking.target.value
        self.place = self.place._replace(layer=layer, target=target, question=question)
        self.reading.start(partial(self.read, self.place))

    def read(self, place: Place) -> Iterator[None]:
        """Job: show the frames of a clip, and let the networks look at it."""
        data = self.opened.data
        try:
            windows = num_windows(find_video(self.videos, place.row, 0, READER).num_frames, data)
            window = windows // 2 if place.window is None else place.window % windows
            view = view_clip(self.videos, place.row, data, side=SIDE, clip=window, num_clips=windows)
        except VideoError as error:
            with CHANGING:
                if self.place == place:
                    self.pair = None, None
                    self.player.show(NO_CLIP | {"path": error.path}, [], [])
                    self.report(error)
            return
        yield  # another request ends this one here
        own, changed, wrong = place._replace(window=window), view, ""
        try:
            changed = changed_view(view, place.question, self.opened.group)
        except ValueError as error:  # such as a frame that is not in the clip
            own, wrong = own.unchanged, in_red(explained(error))
        seen = self.networks.known(own, changed)
        with CHANGING:
            if self.place != place:
                return
            if wrong:
                self.asking.result.value = wrong
            self.windows = windows
            self.show(place, seen, None)
        self.background.start(partial(self.see, place, seen, view))

    def see(self, place: Place, seen: ClipSeen, view: ClipView) -> Iterator[None]:
        """Job: add what each network makes of a clip, and of ``view`` before the change. ``place`` was asked for."""
        before = None
        if seen.place.question != NOTHING:
            before = self.networks.known(seen.place.unchanged, view)
            yield from self.networks.look(before)
        for _ in self.networks.look(seen):
            self.show(place, seen, before)
            yield
        self.show(place, seen, before)
        if self.place == place and self.trying.asked:
            yield from self.add_changes(place, view)

    def show(self, place: Place, seen: ClipSeen, before: ClipSeen | None) -> None:
        """Draw a clip if ``place`` is still what was asked for last."""
        with CHANGING:
            if self.place == place:
                self.pair = seen, before
                self.draw()

    def add_changes(self, place: Place, view: ClipView) -> Iterator[None]:
        """List what the networks predict after each change of ``view``. What was tried is not tried again."""
        tried: dict[WhatIf, Guesses] = dict(self.trying.tried)
        questions = single_changes(len(view.frames), of_relay=bool(self.opened.with_dnr))
        left = [question for question in questions if question not in tried]
        means, device = self.networks.means_of, self.opened.device
        for question, guesses in try_all(self.runs, view, left, self.opened.group, means, device):
            tried[question] = guesses
            with CHANGING:
                if self.place == place:
                    self.trying.show(dict(tried), len(questions) - 1, view.label)
            yield

    def draw(self) -> None:
        """Pass the clip to the player, with the lines that the controls ask for."""
        with CHANGING:
            seen, before = self.pair
            if seen is None:
                return
            name, lines, note = self.looking.run.value, None, ""
            try:
                channels = numbers(self.looking.channels.value, "channels")
                lines, note = lines_of_clip(seen, before, name, self.looking.lines_layer.value, channels)
            except ValueError as error:
                self.report(error)
            if name in seen.of_runs:
                self.looking.set_layers(list(seen.of_runs[name].lines))
            scene = scene_of(seen, self.runs, self.windows, start=self.start, before=before, lines=lines, note=note)
            self.player.show(scene, seen.frames, heats_of(seen, list(self.runs)))

    def start_scoring(self, runs: dict[str, Run]) -> None:
        """Score all videos with ``runs`` in the background."""
        self.scoring = True
        self.background.fill(lambda: self.score(runs))

    def score(self, runs: dict[str, Run]) -> Iterator[None]:
        """Job: score all videos with ``runs``, and measure how much gamma moves. The list grows on the way."""
        shown = time.monotonic()
        try:
            for done, parts, movement in score_videos(runs, self.videos, self.opened.data, self.opened.device):
                self.progress.value = (
                    f"{done} of {len(self.table)} videos have scores so far; the list is made anew at the end"
                )
                if time.monotonic() - shown > REFRESH_SECONDS:
                    self.take_scores(tables_of(parts), movement)
                    shown = time.monotonic()
                yield
        except Exception:  # not where the work is dropped
            self.scoring, self.progress.value = False, ""
            raise
        self.scoring, self.progress.value = False, ""
        self.take_scores(tables_of(parts), movement)

    def take_scores(self, predictions: dict[str, pd.DataFrame], movement: pd.Series) -> None:
        """Put new predictions and movements into the table of videos."""
        new = {name: own for name, own in predictions.items() if name in self.unscored}
        self.predictions = self.predictions | new
        table = video_table(self.videos, self.predictions)
        self.table = table.assign(movement=movement) if np.isfinite(movement).any() else table
        if not self.scoring:  # a list that sorts itself anew would move under the pointer
            self.search()

    def facts(self, run: str, row: int) -> tuple[str, str]:
        """What a note holds beside its text: the class that a network predicts for a row, and the change shown."""
        guess = str(self.table[f"predicted:{run}"].iloc[row]) if f"predicted:{run}" in self.table else ""
        return guess, self.place.question.words

    def save(self, kind: str) -> None:
        """Save what is shown: picture, mp4, gif or page. A line says where it is."""
        self.saving.result.value = "saving …"
        try:
            self.saving.result.value = html.escape(f"saved {self.saved(kind).resolve()}")
        except (ValueError, OSError) as error:
            self.saving.result.value = in_red(explained(error))

    def wait(self, seconds: float | None = None, *, scores: bool = False) -> bool:
        """Wait until the networks have looked at the clip, and with ``scores`` until all videos have scores."""
        return self.reading.wait(seconds) and self.background.wait(seconds, filling=scores)

    def saved(self, kind: str, folder: str | Path = "") -> Path:
        """Save what is shown when all networks have looked at it. Returns the file.

        Args:
            kind: picture, mp4, gif or page.
            folder: by default the explorer's ``out_dir``.
        """
        self.wait()
        seen = self.seen
        if seen is None:
            raise ValueError("expected a clip to save, got none; choose a video that can be read")
        return save.save_shown(kind, seen, self.player, folder or self.out_dir)

    def report(self, error: Exception) -> None:
        """Show an error above the player."""
        self.status.value = in_red(explained(error))

    def end(self) -> None:
        """End both threads and all widgets."""
        self.reading.close()
        self.background.close()
        close_all(self)
