"""How gamma and beta move: recorded, measured and cut."""
