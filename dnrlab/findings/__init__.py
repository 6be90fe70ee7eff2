"""Sentences for the titles of figures, from the numbers that the figures show."""

from dnrlab.findings.cost import of_plan, of_scaling, of_shape
from dnrlab.findings.data import of_check, of_counts, of_lengths, of_reading
from dnrlab.findings.dynamics import (
    fastest_change,
    of_blocks,
    of_cuts,
    of_groups,
    of_probe,
    of_timeline,
    of_trajectories,
    of_variance,
)
from dnrlab.findings.maps import of_faithfulness, of_forgetting, of_localisation, of_maps, of_reversal, of_traits
from dnrlab.findings.training import of_batches, of_confusion, of_gains, of_speeds, of_training, of_views, spread
from dnrlab.findings.words import count, duration, quick

__all__ = [
    "count",
    "duration",
    "fastest_change",
    "of_batches",
    "of_blocks",
    "of_check",
    "of_confusion",
    "of_counts",
    "of_cuts",
    "of_faithfulness",
    "of_forgetting",
    "of_gains",
    "of_groups",
    "of_lengths",
    "of_localisation",
    "of_maps",
    "of_plan",
    "of_probe",
    "of_reading",
    "of_reversal",
    "of_scaling",
    "of_shape",
    "of_speeds",
    "of_timeline",
    "of_training",
    "of_traits",
    "of_trajectories",
    "of_variance",
    "of_views",
    "quick",
    "spread",
]
