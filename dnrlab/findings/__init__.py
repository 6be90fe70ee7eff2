"""Sentences for the titles of figures, made from the numbers that the figures show."""

from dnrlab.findings.affine import of_cuts, of_probe, of_trajectories, of_variance
from dnrlab.findings.batch import number_of, of_batch, setting
from dnrlab.findings.bench import of_budget, of_scaling, of_shape, of_speeds
from dnrlab.findings.cam import of_faithfulness, of_forgetting, of_localisation, of_maps, of_traits
from dnrlab.findings.data import of_check, of_counts, of_lengths, of_reading
from dnrlab.findings.dynamics import fastest_change, of_blocks, of_groups, of_timeline
from dnrlab.findings.experiments import of_batches, of_gains, of_relay, seeds_note
from dnrlab.findings.frame_order import of_reversal
from dnrlab.findings.training import of_confusion, of_training, of_views
from dnrlab.text import count, duration, quick

__all__ = [
    "count",
    "duration",
    "fastest_change",
    "number_of",
    "of_batch",
    "of_batches",
    "of_blocks",
    "of_budget",
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
    "of_probe",
    "of_reading",
    "of_relay",
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
    "seeds_note",
    "setting",
]
