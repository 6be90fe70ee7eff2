"""``dnrlab bench``: the cost of networks without and with DNR."""

import sys
from dataclasses import asdict, dataclass, field
from typing import Annotated

import tyro

from dnrlab.bench import BenchConfig, machine, measure_costs, noise, time_per_frame
from dnrlab.bench.evaluation import time_evaluations
from dnrlab.cli.output import Result, plain_rows
from dnrlab.device import pick_device


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Count and time networks without and with DNR. A control shows the noise of the machine."""

    models: tyro.conf.Positional[tuple[str, ...]]  # such as tsn_resnet50 tsm_resnet50, or package.module:function
    settings: Annotated[BenchConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=BenchConfig)
    frames: tuple[int, ...] = ()  # measure these numbers of frames per clip one after the other, such as 8 16 32 64
    manifest: str = ""  # CSV file of videos: also time the evaluation of its videos, decoding included
    num_workers: int = 0  # reading processes of that evaluation
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    json: bool = False  # print the result as JSON

    def run(self) -> Result:
        """Returns sizes and speeds of every network, the settings and the machine."""
        device, progress = pick_device(self.device), sys.stderr.isatty()
        if self.frames:
            table = time_per_frame(self.models, self.settings, self.frames, device=device, progress=progress)
        else:
            table = measure_costs(self.models, self.settings, device=device, progress=progress).table
        result: Result = {"networks": plain_rows(table), "noise": noise(table)}
        if self.manifest:
            times = time_evaluations(
                self.models, self.settings, self.manifest, device=device, num_workers=self.num_workers
            )
            result["evaluation"] = plain_rows(times)
        return {**result, "settings": asdict(self.settings), "machine": machine(device)}
