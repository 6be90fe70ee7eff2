"""Views, video scores, metrics and result files."""

from dnrlab.evaluation.evaluate import EvalConfig, evaluate
from dnrlab.evaluation.metrics import accuracy_by_number, confusion_matrix, metrics
from dnrlab.evaluation.results import read_results, write_results
from dnrlab.evaluation.video_scores import Predictions
from dnrlab.evaluation.view_scores import read_scores, scores_file

__all__ = [
    "EvalConfig",
    "Predictions",
    "accuracy_by_number",
    "confusion_matrix",
    "evaluate",
    "metrics",
    "read_results",
    "read_scores",
    "scores_file",
    "write_results",
]
