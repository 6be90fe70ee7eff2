"""Networks: blocks and stages that pass on the relay, and one ``create_model``."""

from dnrlab.models.create import create_model, frames_per_segment, model_names
from dnrlab.models.tdn import TDN
from dnrlab.models.tsm import TSM
from dnrlab.models.tsn import TSN

__all__ = ["TDN", "TSM", "TSN", "create_model", "frames_per_segment", "model_names"]
