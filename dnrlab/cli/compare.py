"""``dnrlab compare``: two results on the same videos."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import tyro

from dnrlab.cli.output import Result, plain_rows
from dnrlab.evaluation.paired import compare_results
from dnrlab.experiments.repeat import over_runs


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Compare two results on the same videos: the difference of top-1 and its 95 % interval.

    The interval is a paired bootstrap over the videos, or over sources if the manifest has a column source.
    smallest_difference is the smallest true difference that these videos can detect (80 % power at the 5 % level).
    """

    baseline: tyro.conf.Positional[str]  # run folder, or folder of dnrlab spread
    other: tyro.conf.Positional[str]  # the other one; runs of the same seed and fold are compared
    split: str = "test"  # split that both were evaluated on; '' is all rows
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Returns the difference of top-1, its interval, and the number of videos."""
        paired = compare_results(self.baseline, self.other, self.split)
        mean, low, high, videos = paired.difference
        values: dict[str, Any] = {
            "baseline_top1": paired.baseline,
            "other_top1": paired.other,
            "difference": mean,
            "low": low,
            "high": high,
            "videos": videos,
            "sources": paired.sources or None,
            "smallest_difference": paired.smallest,
        }
        result: Result = {name: None if pd.isna(value) else value for name, value in values.items()}
        if len(paired.runs) > 1:
            interval, over = over_runs(paired.runs, "difference")
            result["between_runs"] = plain_rows(pd.DataFrame([{**interval._asdict(), "over": over}]))
        return result
