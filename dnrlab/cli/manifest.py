"""``dnrlab manifest``: make manifests from annotation files, and check them."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tyro

from dnrlab.cli.output import Result
from dnrlab.data.build.build import build_manifest
from dnrlab.data.build.match import summary
from dnrlab.data.build.random_split import SplitRule, parse_shares
from dnrlab.data.check.check import Check, check_manifest
from dnrlab.data.decode.cache import reader_for
from dnrlab.data.manifest import Manifest, read_manifest

SHOWN = 10  # most errors that are printed, at most 3 per kind


@dataclass(frozen=True, kw_only=True)
class ManifestBuild:
    """Make a manifest from official annotation files and a folder of videos. Missing videos are listed."""

    # data set: kinetics400 or 200, something_v1 or v2, ucf101, hmdb51, jhmdb; your own: folders (DIR/CLASS) or list
    name: tyro.conf.Positional[str]
    videos: str  # folder with the videos, at any depth
    out: str  # manifest to write, NAME.csv
    annotations: tuple[str, ...] = ()  # annotation files, each FILE or train=FILE (val=, test=); none for folders
    strict: bool = False  # exit code 1 if counts differ from the card, or without a card if videos are missing
    # file of class names, for kinetics200 (default: the 200 with the most videos) and list
    classes_list: str | None = None
    split: str = ""  # for folders and lists without splits: shares of train, val and test to draw, such as 70/15/15
    # for --split, keeps whole sources in one split: column "source", or regular expression for the paths; the source is
    # what it finds, or what it finds in parentheses
    group_by: str = ""
    seed: int = 0  # seed of --split, and of kinetics200, which draws its videos
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Build. Returns counts, missing videos and warnings."""
        if self.group_by and not self.split:
            raise ValueError(f"expected --split with --group-by {self.group_by}, got none; add --split 70/15/15")
        built = build_manifest(
            self.name,
            self.annotations,
            self.videos,
            self.out,
            class_list=self.classes_list,
            seed=self.seed,
            split=SplitRule(parse_shares(self.split), self.group_by) if self.split else None,
            progress=sys.stderr.isatty(),
        )
        return {
            "manifest": self.out,
            "classes": len(built.classes or built.rows["label"].unique()),
            **summary(built),
            "missing_list": str(Path(self.out).with_suffix(".missing.csv")),
            "warnings": [{"warning": text} for text in built.warnings],
            "next": f"dnrlab manifest check {self.out}",
            "exit_code": 1 if self.strict and built.warnings else 0,
        }


@dataclass(frozen=True, kw_only=True)
class ManifestCheck:
    """Decode every video of a manifest to its end, and look for errors in its rows. Exit code 1 if there are errors.

    The results are stored in NAME.checked.csv. A second call only decodes new, changed and bad videos.
    """

    file: tyro.conf.Positional[str]  # CSV file of videos
    root: str | None = None  # folder that the manifest's paths are relative to; default: the manifest's folder
    workers: int = 2  # decoding processes
    out: str | None = None  # CSV file for the results; default: NAME.checked.csv beside the manifest
    decoder: str = "auto"  # auto, decord or pyav
    json: bool = False  # print the result as JSON, with all errors

    def run(self) -> Result:
        """Check. Returns counts, errors by kind, and notes."""
        manifest = read_manifest(self.file, self.root)
        reader = reader_for("", 0, len(manifest.rows), self.decoder)
        try:
            check = check_manifest(
                manifest, out=self.out, reader=reader, decoder=self.decoder, workers=self.workers, progress=True
            )
        except KeyboardInterrupt:
            return {"stopped": "the results so far are stored; the same call resumes", "exit_code": 130}
        except OSError as error:
            raise OSError(f"{error}; give another file with --out") from error
        return counts(manifest, check) | listed(check, whole=self.json)


def counts(manifest: Manifest, check: Check) -> Result:
    """Numbers of rows, classes, splits and files, and hours of video."""
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
    """Errors by kind, the first errors of each kind (``whole``: all errors), notes and exit code."""
    kinds = [{"kind": kind, "count": int(number)} for kind, number in check.errors["kind"].value_counts().items()]
    position = check.errors.groupby("kind").cumcount()  # of each error within its kind
    first = check.errors.loc[position[position < 3].sort_values(kind="stable").index[:SHOWN], ["path", "reason"]]
    errors: list[dict[str, Any]] = (check.errors if whole else first).to_dict("records")
    more = len(check.errors) - len(errors)
    return {
        "by_kind": kinds,
        "errors": errors,
        **({"more": f"{more} more errors; --json lists all"} if more else {}),
        "notes": [{"note": note} for note in check.warnings],
        "checked": str(check.report_file),
        "exit_code": 1 if kinds else 0,
    }
