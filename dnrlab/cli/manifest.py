"""``dnrlab manifest``: manifests checked before they are used."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import tyro

from dnrlab.cli.text import Result
from dnrlab.data.cache import reader_for
from dnrlab.data.check import Check, check_manifest
from dnrlab.data.manifest import Manifest, read_manifest

SHOWN = 10  # errors that are printed, at most 3 of a kind


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
        "notes": [{"note": note} for note in check.notes],
        "checked": str(check.kept),
        "exit_code": 1 if kinds else 0,
    }
