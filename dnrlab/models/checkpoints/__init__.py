"""Weights from elsewhere: published checkpoints, by their own names, into the networks of this package."""

from dnrlab.models.checkpoints.load import Loaded, load_weights

__all__ = ["Loaded", "load_weights"]
