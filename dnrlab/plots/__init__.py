"""Figures. They take data and return matplotlib Figures; they compute and read nothing."""

from dnrlab.plots.dynamics import block_dynamics, group_dynamics, timeline_figure
from dnrlab.plots.heatmaps import CamRow, gradcam_figure
from dnrlab.plots.training import confusion, training_curves

__all__ = [
    "CamRow",
    "block_dynamics",
    "confusion",
    "gradcam_figure",
    "group_dynamics",
    "timeline_figure",
    "training_curves",
]
