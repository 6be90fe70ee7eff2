"""The explorer: move through videos, see what networks see, and ask what would change their minds."""

from collections.abc import Sequence
from pathlib import Path

import ipywidgets as widgets

from dnrlab.device import pick_device
from dnrlab.explorer.body import Body
from dnrlab.explorer.clip import explained
from dnrlab.explorer.opened import Opened, open_runs
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

    Raises: what ``load_run`` and ``read_manifest`` raise; ValueError if there is no run, the runs take different clips,
        or the split has no videos.
    """
    opened = open_runs(runs, manifest, split, pick_device(device))
    return Explorer(opened, str(manifest), split, memory_mb * 2**20, str(out_dir))


class Explorer(widgets.VBox):  # type: ignore[misc]
    """The widget that ``explore`` returns: the choice of runs and videos, and below it the ``Body`` for them."""

    def __init__(self, opened: Opened, manifest: str, split: str, memory: int, out_dir: str) -> None:
        self.memory, self.out_dir, self.body = memory, out_dir, Body(opened, memory, out_dir)
        self.opening = OpenPanel(list(opened.folders.values()), manifest, split, self.reopen)
        self.status = widgets.HTML()
        super().__init__([self.opening, self.status, self.body])
        self.add_class("dnrlab-explorer")

    def reopen(self) -> None:
        """Open the runs, manifest and split that the controls name. If that fails, all stays as it is."""
        try:
            body = Body(open_runs(*self.opening.named, self.body.opened.device), self.memory, self.out_dir)
        except (ValueError, OSError, RuntimeError) as error:
            self.status.value = in_red(explained(error))
            return
        old, self.body, self.status.value = self.body, body, ""
        self.children = [self.opening, self.status, body]
        old.end()

    def open_video(self, row: int) -> None:
        """Show the middle clip of a video, a row of the split, from 0. IndexError if there is no such row."""
        self.body.open_video(row)

    def save(self, kind: str, folder: str | Path = "") -> Path:
        """Save what is shown when all networks have looked at it, see ``Body.saved``. Returns the file."""
        return self.body.saved(kind, folder)
