"""What the paper reports, to stand beside what is measured.

Source: Cai, Yao and Chen, "Dynamic Normalization and Relay for Video Action Recognition", NeurIPS 2021.
"""

import pandas as pd


def relay_direction() -> pd.DataFrame:
    """Supplement, Table 1: cross-temporal DNR alone in TSN-ResNet-50 on Kinetics-200, by direction and relay distance.

    Columns: direction (none: batch norm, the baseline), relay_distance (frames, 0 of the baseline), top1 and top5 in
    percent.
    """
    rows = [
        ("none", 0, 72.80, 91.59),
        ("uni", 2, 74.56, 92.33),
        ("bi", 2, 75.56, 92.93),
        ("uni", 4, 75.52, 92.49),
        ("bi", 4, 74.92, 92.61),
    ]
    return pd.DataFrame(rows, columns=["direction", "relay_distance", "top1", "top5"])
