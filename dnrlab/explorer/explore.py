"""The explorer: move through videos, see what networks see, and ask what would change their minds."""

from collections.abc import Sequence
from pathlib import Path

import ipywidgets as widgets

from dnrlab.device import pick_device
from dnrlab.explorer.body import Body
from dnrlab.explorer.clip import explained
from dnrlab.explorer.opened import open_runs
from dnrlab.explorer.panels import OpenPanel, in_red

MEMORY_MB = 256  # of clips that were shown, in the kernel


def explore(
    runs: Sequence[str | Path],
    manifest: str | Path = "synthetic",
    *,
    split: str = "test",
    device: str = "auto",
    out_dir: str | Path = "",
    memory_mb: int = MEMORY_MB,
) -> "Explorer":
    """Open the explorer in a notebook.

        dnrlab.explore(["runs/demo/bn", "runs/demo/dnr"])

    Args:
        runs: run folders. Their networks must take the same clips.
        manifest: CSV file of videos; ``synthetic``: the small set that is made on first use.
        split: its videos are listed; empty: all.
        device: cpu, cuda or cuda:N; auto: a GPU if there is one.
        out_dir: folder for what is saved; empty: ``runs/figures/`` and the names of the runs.
        memory_mb: clips that were looked at stay in the kernel, up to this size; those used least recently go first.
            The browser holds the images of one clip.

    What cannot be opened is explained in the widget, where it can be corrected; ``open_video`` and ``save`` raise the
    same error. ValueError for an unknown device.
    """
    return Explorer(runs, str(manifest), split, pick_device(device), memory_mb * 2**20, str(out_dir))


class Explorer(widgets.VBox):  # type: ignore[misc]
    """The widget that ``explore`` returns: the choice of runs and videos, and below it the ``Body`` for them."""

    def __init__(
        self, runs: Sequence[str | Path], manifest: str, split: str, device: str, memory: int, out_dir: str
    ) -> None:
        self.device, self.memory, self.out_dir = device, memory, out_dir
        self.opened: Body | None = None
        self.error: Exception | None = None  # why nothing is open
        self.opening = OpenPanel([str(run) for run in runs], manifest, split, self.reopen)
        self.status = widgets.HTML()
        super().__init__([self.opening, self.status])
        self.add_class("dnrlab-explorer")
        self.reopen()

    @property
    def body(self) -> Body:
        """All but the choice of runs. Raises the error that an attempt to open them met, if nothing is open."""
        if self.opened is None:
            raise self.error or ValueError("expected open runs, got none; open some")
        return self.opened

    def reopen(self) -> None:
        """Open the runs, manifest and split that the controls name. If that fails, all stays as it is."""
        try:
            body = Body(open_runs(*self.opening.named, self.device), self.memory, self.out_dir)
        except Exception as error:  # whatever a network of one's own raises, too
            self.error, self.opening.selected_index = error, 0
            self.status.value = in_red(explained(error))
            return
        old, self.opened, self.status.value = self.opened, body, ""
        self.children = [self.opening, self.status, body]
        if old is not None:
            old.end()

    def open_video(self, row: int) -> None:
        """Show the middle clip of a video, a row of the split, from 0. IndexError if there is no such row."""
        self.body.open_video(row)

    def save(self, kind: str, folder: str | Path = "") -> Path:
        """Save what is shown when all networks have looked at it, see ``Body.saved``. Returns the file."""
        return self.body.saved(kind, folder)
