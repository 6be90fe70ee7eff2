"""What networks cost."""

from dnrlab.bench.costs import BenchConfig, count_costs, machine, measure_costs
from dnrlab.bench.macs import macs, parameters
from dnrlab.bench.speed import measure, noise, speeds

__all__ = ["BenchConfig", "count_costs", "machine", "macs", "measure", "measure_costs", "noise", "parameters", "speeds"]
