"""Synthetic videos, whose classes only the order of frames tells apart."""
