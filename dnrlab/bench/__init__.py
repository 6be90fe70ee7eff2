"""Costs of networks, trainings and reading: parameters, MACs, speed, memory and hours."""

from dnrlab.bench.forward import measure, noise, speeds
from dnrlab.bench.macs import macs
from dnrlab.bench.networks import BenchConfig, count_costs, machine, measure_costs

__all__ = ["BenchConfig", "count_costs", "machine", "macs", "measure", "measure_costs", "noise", "speeds"]
