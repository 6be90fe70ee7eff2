"""The explorer, a widget for notebooks: what networks see in a video, and what would change their minds."""
