"""Figures: functions from data to matplotlib Figures. They compute nothing and read no files."""

from dnrlab.plots.affine import cut_figure, probe_figure, trajectories_figure, variance_figure
from dnrlab.plots.batch import settings_figure
from dnrlab.plots.bench import budget_figure, scaling_figure, speed_kept
from dnrlab.plots.cam import (
    CamRow,
    faithfulness_figure,
    forgetting_figure,
    gradcam_figure,
    localisation_figure,
    traits_figure,
)
from dnrlab.plots.data import contact_sheet, counts_figure, lengths_figure, reading_figure, views_figure
from dnrlab.plots.dynamics import block_dynamics, group_dynamics, timeline_figure
from dnrlab.plots.experiments import batch_figure, gain_figure
from dnrlab.plots.frame_order import reversal_figure
from dnrlab.plots.training import confusion, training_curves, view_accuracy_figure
from dnrlab.plots.variants import differences_figure

__all__ = [
    "CamRow",
    "batch_figure",
    "block_dynamics",
    "budget_figure",
    "confusion",
    "contact_sheet",
    "counts_figure",
    "cut_figure",
    "differences_figure",
    "faithfulness_figure",
    "forgetting_figure",
    "gain_figure",
    "gradcam_figure",
    "group_dynamics",
    "lengths_figure",
    "localisation_figure",
    "probe_figure",
    "reading_figure",
    "reversal_figure",
    "scaling_figure",
    "settings_figure",
    "speed_kept",
    "timeline_figure",
    "training_curves",
    "traits_figure",
    "trajectories_figure",
    "variance_figure",
    "view_accuracy_figure",
    "views_figure",
]
