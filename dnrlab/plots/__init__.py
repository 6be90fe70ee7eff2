"""Figures. They take data and return matplotlib Figures; they compute and read nothing."""

from dnrlab.plots.comparison import batch_figure, gain_figure
from dnrlab.plots.dynamics import block_dynamics, group_dynamics, timeline_figure
from dnrlab.plots.heatmaps import CamRow, gradcam_figure
from dnrlab.plots.training import confusion, training_curves

__all__ = [
    "CamRow",
    "batch_figure",
    "block_dynamics",
    "confusion",
    "gain_figure",
    "gradcam_figure",
    "group_dynamics",
    "timeline_figure",
    "training_curves",
]
