"""The run folder: the files of a training, and how to open it."""
