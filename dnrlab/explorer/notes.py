"""Notes about videos: a file in the run folder, and the field where they are typed."""

import html
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets
import pandas as pd

from dnrlab.data.csv_table import SECONDS
from dnrlab.explorer.clip import explained
from dnrlab.explorer.panels import in_red
from dnrlab.files import atomic_write, explain_read_errors

NOTES = "notes.csv"  # in the run folder


def read_notes(run_dir: str | Path) -> pd.DataFrame:
    """The notes of a run, one row per video: path, time span, label, predicted, what_if, note.

    Raises: ValueError if the file is damaged.
    """
    file, columns = Path(run_dir) / NOTES, ["path", *SECONDS, "label", "predicted", "what_if", "note"]
    if not file.is_file():
        return pd.DataFrame(columns=columns)
    with explain_read_errors(file, "correct it, or remove it"):
        return pd.read_csv(file, dtype=str, keep_default_na=False)[columns]


def key_of(video: pd.Series) -> list[str]:
    """What names a video in the notes: its path and time span, as texts."""
    spans = [video.get(name, "") for name in SECONDS]
    return [str(video["path"]), *("" if pd.isna(span) else str(span) for span in spans)]


def note_of(run_dir: str | Path, video: pd.Series) -> str:
    """The note of a video, a row of a manifest; '' without one."""
    notes = read_notes(run_dir)
    own = notes.loc[(notes[["path", *SECONDS]] == key_of(video)).all(axis=1), "note"]
    return str(own.iloc[0]) if len(own) else ""


def write_note(run_dir: str | Path, video: pd.Series, predicted: str, note: str, what_if: str = "") -> Path:
    """Write the note of a video, a row of a manifest, in place of an earlier one; an empty note removes it.

    ``what_if`` says which change was shown.
    """
    notes, key = read_notes(run_dir), key_of(video)
    notes = notes[~(notes[["path", *SECONDS]] == key).all(axis=1)]
    if note.strip():
        new = dict(zip(["path", *SECONDS], key, strict=True)) | {"label": str(video["label"]), "predicted": predicted}
        notes = pd.concat([notes, pd.DataFrame([new | {"what_if": what_if, "note": note.strip()}])], ignore_index=True)
    file = Path(run_dir) / NOTES
    with atomic_write(file) as unfinished:
        notes.to_csv(unfinished, index=False)
    return file


class NotePanel(widgets.VBox):  # type: ignore[misc]
    """The note of a video, of the run that the table is about.

    What was typed is saved before another note is shown. If that fails, it comes back with its video.

    Args:
        folders: run folders by the networks' names.
        videos: rows of the manifest.
        facts: gives the predicted class and the words of the change, for a network and a row.
    """

    def __init__(
        self, folders: Mapping[str, str], videos: pd.DataFrame, facts: Callable[[str, int], tuple[str, str]]
    ) -> None:
        self.folders, self.videos, self.facts = folders, videos, facts
        self.about: tuple[str, int] | None = None  # network and row
        self.stored = ""
        self.unsaved: dict[tuple[str, int], str] = {}
        self.text = widgets.Textarea(
            description="note", placeholder="why is it wrong?", rows=2, layout=widgets.Layout(width="60%")
        )
        button = widgets.Button(description="save the note", tooltip="write it to notes.csv in the run folder")
        button.on_click(lambda _: self.save())
        self.result = widgets.HTML()
        super().__init__([widgets.HBox([self.text, button]), self.result])

    def show(self, run: str, row: int) -> None:
        """Show the note of a video. One that was typed before is saved."""
        if self.text.value == self.stored:
            self.result.value = ""
        else:
            self.save()
        self.about, self.stored = (run, row), ""
        try:
            self.stored = note_of(self.folders[run], self.videos.iloc[row])
        except (ValueError, OSError) as error:
            self.result.value = in_red(explained(error))
        self.text.value = self.unsaved.get((run, row), self.stored)

    def save(self) -> bool:
        """Write the note to the run folder. A line says where it is, or why it could not be written."""
        if self.about is None:
            return True
        (run, row), note = self.about, self.text.value
        predicted, what_if = self.facts(run, row)
        try:
            file = write_note(self.folders[run], self.videos.iloc[row], predicted, note, what_if)
        except (ValueError, OSError) as error:
            self.unsaved[run, row] = note
            self.result.value = in_red(f"the note of row {row + 1} is not saved: {explained(error)}")
            return False
        self.unsaved.pop((run, row), None)
        self.stored, self.result.value = note, html.escape(f"saved {file.resolve()}")
        return True
