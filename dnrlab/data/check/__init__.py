"""``dnrlab manifest check``: decodes every file to its end and compares the rows."""
