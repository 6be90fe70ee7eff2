"""Costs of networks, trainings and reading: parameters, MACs, speed, memory and hours."""

from dnrlab.bench.macs import macs
from dnrlab.bench.networks import BenchConfig, count_costs, joined_costs, machine, measure_costs, time_per_frame
from dnrlab.bench.rounds import measure, noise, speeds

__all__ = [
    "BenchConfig",
    "count_costs",
    "joined_costs",
    "machine",
    "macs",
    "measure",
    "measure_costs",
    "noise",
    "speeds",
    "time_per_frame",
]
