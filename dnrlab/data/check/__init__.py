"""``dnrlab manifest check``: every file decoded to its end, every row compared."""
