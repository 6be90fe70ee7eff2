"""Looking inside: Grad-CAM++ for clips, and the recording of gamma and beta."""

from dnrlab.explain.dynamics import record_dynamics
from dnrlab.explain.gradcam import clip_gradcam

__all__ = ["clip_gradcam", "record_dynamics"]
