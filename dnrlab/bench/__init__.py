"""What networks cost."""

from dnrlab.bench.macs import macs, parameters

__all__ = ["macs", "parameters"]
