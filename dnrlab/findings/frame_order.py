"""Sentences about networks on clips whose frames are in another order."""

import pandas as pd


def of_reversal(table: pd.DataFrame) -> str:
    """What networks predict for videos played backwards: the reversed class where it is known, else the label.

    ``table`` has columns network, order, measure (right, turned) and mean.
    """
    rows = table[table["order"] == "backwards"].set_index(["measure", "network"])["mean"]
    known = rows["turned"].notna().all()
    each = ", ".join(f"{name} {share:.2f}" for name, share in rows["turned" if known else "right"].items())
    predicted = "as the reversed class" if known else "correctly"
    return f"Played backwards, videos are classified {predicted} (share of the videos):\n{each}"
