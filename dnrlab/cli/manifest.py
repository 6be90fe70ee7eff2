"""``dnrlab manifest``: manifests made from annotation files, and checked before they are used."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import tyro

from dnrlab.cli.text import Result
from dnrlab.data.build import build_manifest
from dnrlab.data.joined import summary
from dnrlab.data.manifest import check_manifest, oddities, read_manifest


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
    """Decode every video of a manifest to its end; lists those that cannot be read. Exit code 1 if there are any."""

    file: tyro.conf.Positional[str]  # CSV file of videos
    root: str | None = None  # folder that the manifest's paths are relative to; its own by default
    workers: int = 2  # threads
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Check; the bad videos with their reasons."""
        manifest = read_manifest(self.file, self.root)
        good, bad = check_manifest(manifest, workers=self.workers)
        unreadable = bad[["path", "reason"]].to_dict("records")
        counts = {
            str(name): int(n) for name, n in manifest.rows.get("split", pd.Series(dtype=str)).value_counts().items()
        }
        return {
            "classes": len(manifest.classes),
            "splits": counts,
            "good": len(good),
            "bad": len(bad),
            "unreadable": unreadable,
            "notes": [{"note": each} for each in oddities(manifest)],
            "exit_code": 1 if unreadable else 0,
        }
