"""``dnrlab compare``: two results on the same videos, side by side."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import tyro

from dnrlab.cli.output import Result, plain_rows
from dnrlab.evaluation.paired import compare_results
from dnrlab.experiments.repeat import over_runs


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Compare two results on the same videos: how much more often is the second right, and is that more than chance?

    Paired bootstrap over the videos, over whole sources where the manifest has a column source. smallest_difference is
    what videos like these can show of two such networks (80 % power at the 5 % level).
    """

    baseline: tyro.conf.Positional[str]  # run folder, or folder of dnrlab spread
    other: tyro.conf.Positional[str]  # the same; runs of the same seed and fold are compared
    split: str = "test"  # rows that both were evaluated on; '' is all
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Compare; the difference of top-1, its interval, and how many videos it is over."""
        found = compare_results(self.baseline, self.other, self.split)
        mean, low, high, videos = found.difference
        values: dict[str, Any] = {
            "baseline_top1": found.baseline,
            "other_top1": found.other,
            "difference": mean,
            "low": low,
            "high": high,
            "videos": videos,
            "sources": found.sources or None,
            "smallest_difference": found.smallest,
        }
        result: Result = {name: None if pd.isna(value) else value for name, value in values.items()}
        if len(found.runs) > 1:
            interval, over = over_runs(found.runs, "difference")
            result["between_runs"] = plain_rows(pd.DataFrame([{**interval._asdict(), "over": over}]))
        return result
