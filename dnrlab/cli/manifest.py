"""``dnrlab manifest``: manifests checked before they are used."""

from dataclasses import dataclass

import pandas as pd
import tyro

from dnrlab.cli.text import Result
from dnrlab.data.manifest import check_manifest, oddities, read_manifest


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
