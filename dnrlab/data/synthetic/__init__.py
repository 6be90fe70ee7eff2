"""Synthetic videos whose classes differ only in the order of their frames."""
