"""Networks: blocks and stages that thread the relay, and one ``create_model``."""

from dnrlab.models.create import create_model, model_names
from dnrlab.models.tsn import TSN

__all__ = ["TSN", "create_model", "model_names"]
