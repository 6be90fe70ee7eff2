"""The method and the networks a second time, to compare with; nothing shared with ``dnrlab``."""
