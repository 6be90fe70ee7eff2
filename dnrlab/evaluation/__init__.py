"""Views, video scores, metrics and result files."""

from dnrlab.evaluation.kept import read_scores
from dnrlab.evaluation.metrics import accuracy_by_number, confusion_matrix, metrics
from dnrlab.evaluation.results import read_results, view_scores_file, write_results
from dnrlab.evaluation.views import EvalConfig, Predictions, evaluate

__all__ = [
    "EvalConfig",
    "Predictions",
    "accuracy_by_number",
    "confusion_matrix",
    "evaluate",
    "metrics",
    "read_results",
    "read_scores",
    "view_scores_file",
    "write_results",
]
