"""Views, video scores, metrics and result files."""

from dnrlab.evaluation.metrics import confusion_matrix, metrics
from dnrlab.evaluation.results import read_results, write_results
from dnrlab.evaluation.views import EvalConfig, Predictions, evaluate

__all__ = ["EvalConfig", "Predictions", "confusion_matrix", "evaluate", "metrics", "read_results", "write_results"]
