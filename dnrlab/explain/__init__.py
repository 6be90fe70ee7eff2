"""Explanations of trained networks: Grad-CAM++ for clips, and recordings of gamma and beta."""

from dnrlab.explain.affine.record import record_dynamics
from dnrlab.explain.cam.gradcam import clip_gradcam

__all__ = ["clip_gradcam", "record_dynamics"]
