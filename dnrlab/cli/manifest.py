"""``dnrlab manifest``: manifests made from annotation files, and checked before they are used."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tyro

from dnrlab.cli.output import Result
from dnrlab.data.build.build import build_manifest
from dnrlab.data.build.match import summary
from dnrlab.data.check.check import Check, check_manifest
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.manifest import Manifest, read_manifest

SHOWN = 10  # errors that are printed, at most 3 of a kind


@dataclass(frozen=True, kw_only=True)
class ManifestBuild:
    """Make a manifest from official annotation files and a folder of videos; lists what is missing."""

    name: tyro.conf.Positional[str]  # kinetics400 or 200, something_v1 or v2, ucf101, hmdb51, jhmdb; folders: DIR/CLASS
    videos: str  # folder with the videos anywhere below it
    out: str  # manifest to write, NAME.csv
    annotations: tuple[str, ...] = ()  # official files, each FILE or train=FILE (val, test); none for folders
    strict: bool = False  # exit code 1 if counts are not those of the card, or videos are missing where it has none
    classes_list: str | None = None  # of kinetics200: file of class names, not the 200 classes with the most videos
    seed: int = 0  # of the draw of kinetics200
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Build; counts, what is missing, and warnings."""
        built = build_manifest(
            self.name,
            self.annotations,
            self.videos,
            self.out,
            class_list=self.classes_list,
            seed=self.seed,
            progress=sys.stderr.isatty(),
        )
        return {
            "manifest": self.out,
            "classes": len(built.classes or built.rows["label"].unique()),
            **summary(built),
            "missing_list": str(Path(self.out).with_suffix(".missing.csv")),
            "warnings": [{"warning": each} for each in built.warnings],
            "next": f"dnrlab manifest check {self.out}",
            "exit_code": 1 if self.strict and built.warnings else 0,
        }


@dataclass(frozen=True, kw_only=True)
class ManifestCheck:
    """Decode every video of a manifest to its end, and look for faults in its rows. Exit code 1 if there are any.

    What is found is kept in NAME.checked.csv. The same call again decodes only what is new, has changed, or was bad.
    """

    file: tyro.conf.Positional[str]  # CSV file of videos
    root: str | None = None  # folder that the manifest's paths are relative to; its own by default
    workers: int = 2  # processes that decode
    out: str | None = None  # CSV file that keeps what is found; NAME.checked.csv beside the manifest by default
    decoder: str = "auto"  # auto, decord or pyav
    json: bool = False  # print the result as JSON, with all errors

    def run(self) -> Result:
        """Check; counts, errors by kind, notes."""
        manifest = read_manifest(self.file, self.root)
        reader = reader_for("", 0, len(manifest.rows), self.decoder)
        try:
            check = check_manifest(
                manifest, out=self.out, reader=reader, decoder=self.decoder, workers=self.workers, progress=True
            )
        except KeyboardInterrupt:
            return {"stopped": "what was found is kept; the same call goes on from there", "exit_code": 130}
        except OSError as error:
            raise OSError(f"{error}; --out names another file") from error
        return counts(manifest, check) | listed(check, whole=self.json)


def counts(manifest: Manifest, check: Check) -> Result:
    """How many classes, rows and files there are, and how long they are."""
    splits = manifest.rows.get("split", pd.Series(dtype=str)).value_counts()
    bad = int((check.files["reason"] != "").sum())
    return {
        "rows": len(manifest.rows),
        "classes": len(manifest.classes),
        "splits": {str(name): int(number) for name, number in splits.items()},
        "good": len(check.files) - bad,
        "bad": bad,
        "decoded": check.decoded,
        "hours": float(check.files["duration_seconds"].sum() / 3600),
    }


def listed(check: Check, *, whole: bool) -> Result:
    """Errors by kind, and the first of each kind, or all of them; notes; the exit code."""
    kinds = [{"kind": kind, "count": int(number)} for kind, number in check.errors["kind"].value_counts().items()]
    place = check.errors.groupby("kind").cumcount()  # within its kind
    first = check.errors.loc[place[place < 3].sort_values(kind="stable").index[:SHOWN], ["path", "reason"]]
    errors: list[dict[str, Any]] = (check.errors if whole else first).to_dict("records")
    more = len(check.errors) - len(errors)
    return {
        "by_kind": kinds,
        "errors": errors,
        **({"more": f"{more} errors that --json lists"} if more else {}),
        "notes": [{"note": note} for note in check.warnings],
        "checked": str(check.report_file),
        "exit_code": 1 if kinds else 0,
    }
