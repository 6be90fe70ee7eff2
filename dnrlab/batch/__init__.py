"""Batches: a grid of notebook runs, on one machine or a cluster, its results and its report.

A batch is a folder. Each run of the grid has a folder in it, and each notebook of a run a file with its state. Whoever
reads or goes on with a batch needs nothing but these files.
"""
