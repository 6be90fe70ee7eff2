"""``dnrlab bench``: the cost of networks without and with DNR."""

import sys
from dataclasses import asdict, dataclass, field
from typing import Annotated

import pandas as pd
import tyro

from dnrlab.bench import BenchConfig, machine, measure_costs, noise
from dnrlab.cli.output import Result
from dnrlab.device import pick_device


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Count and time networks without and with DNR. A control shows the noise of the machine."""

    models: tyro.conf.Positional[tuple[str, ...]]  # such as tsn_resnet50 tsm_resnet50, or package.module:function
    settings: Annotated[BenchConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=BenchConfig)
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Returns sizes and speeds of every network, the settings and the machine."""
        device = pick_device(self.device)
        table = measure_costs(self.models, self.settings, device=device, progress=sys.stderr.isatty()).table
        rows = [{name: value for name, value in row.items() if pd.notna(value)} for row in table.to_dict("records")]
        settings = asdict(self.settings)
        return {"networks": rows, "noise": noise(table), "settings": settings, "machine": machine(device)}
