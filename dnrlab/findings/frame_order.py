"""Sentences about networks that see clips in another order."""

import pandas as pd


def of_reversal(table: pd.DataFrame) -> str:
    """What networks say backwards; columns network, order, measure (turned where it is known, else right), mean."""
    rows = table[table["order"] == "backwards"].set_index(["measure", "network"])["mean"]
    known = rows["turned"].notna().all()
    each = ", ".join(f"{name} {share:.2f}" for name, share in rows["turned" if known else "right"].items())
    said = "Played backwards, a video is taken for its reversal" if known else "Played backwards, a video is told right"
    return f"{said} (share of the videos):\n{each}"
