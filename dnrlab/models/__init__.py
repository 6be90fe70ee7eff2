"""Networks: blocks and stages that pass on the relay, and one ``create_model``."""

from dnrlab.models.create import create_model, frames_per_segment, model_names
from dnrlab.models.inject import add_dnr
from dnrlab.models.injected import set_num_frames
from dnrlab.models.per_frame import PerFrame
from dnrlab.models.residual_parts import BlockParts
from dnrlab.models.tdn import TDN
from dnrlab.models.tsm import TSM
from dnrlab.models.tsn import TSN
from dnrlab.torchvision_guard import guard_torchvision

__all__ = [
    "TDN",
    "TSM",
    "TSN",
    "BlockParts",
    "PerFrame",
    "add_dnr",
    "create_model",
    "frames_per_segment",
    "model_names",
    "set_num_frames",
]

guard_torchvision()  # so that ``import torchvision`` works after ``from dnrlab import add_dnr``
