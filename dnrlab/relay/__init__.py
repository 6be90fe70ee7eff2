"""The method: equations as pure functions (``functional``), and layers that call them."""

from dnrlab.relay.cell import RelayCell
from dnrlab.relay.config import DNRConfig
from dnrlab.relay.cross_layer import CrossLayerNorm
from dnrlab.relay.cross_layer_temporal import CrossLayerTemporalNorm
from dnrlab.relay.cross_temporal import CrossTemporalNorm
from dnrlab.relay.interlacing import InterlacedConv2d, InterlacedConv3d
from dnrlab.relay.norm import LayerRelay, RelayNorm

__all__ = [
    "CrossLayerNorm",
    "CrossLayerTemporalNorm",
    "CrossTemporalNorm",
    "DNRConfig",
    "InterlacedConv2d",
    "InterlacedConv3d",
    "LayerRelay",
    "RelayCell",
    "RelayNorm",
]
