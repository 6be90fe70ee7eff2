"""Results that the paper reports. The notebooks show them beside measured results.

Source: Cai, Yao and Chen, "Dynamic Normalization and Relay for Video Action Recognition", NeurIPS 2021: Table 2
(Kinetics-400, 8 frames, 30 views; speed on an RTX 2080 Ti), and the ablation of the relay's direction (Kinetics-200).
Accuracies are in percent.
"""

import pandas as pd

PLAIN_AND_DNR = [  # network, GFLOPs per view (the paper counts MACs), then plain and with DNR: top-1, top-5, videos/s
    ("tsn_resnet50", 33, (71.65, 90.17, 10.9), (74.35, 91.68, 7.6)),
    ("tsm_resnet50", 33, (73.78, 91.32, 9.5), (74.88, 91.99, 7.0)),
    ("tanet_resnet50", 36, (76.28, 92.46, 2.8), (76.93, 92.81, 1.8)),
    ("tdn_resnet50", 36, (76.34, 92.63, 2.1), (77.05, 92.98, 1.7)),
]


def kinetics400() -> pd.DataFrame:
    """Accuracy and speed on Kinetics-400, two rows per network: ``tsn_resnet50`` and ``tsn_resnet50 + DNR``.

    Columns: network, paper_top1, paper_top5, paper_gflops, paper_videos_per_second and paper_speed_kept.
    paper_speed_kept is videos/s with DNR divided by videos/s without, rounded to the two digits that the inputs allow.
    It is NaN for plain networks. TSN is trained from scratch, TSM from ImageNet. ``dnrlab.bench.macs`` gives exact MAC
    counts. TANet's 36 GFLOPs differ from what its authors' code takes.
    """
    rows = []
    for network, gflops, plain, dnr in PLAIN_AND_DNR:
        rows.append((network, *plain[:2], gflops, plain[2], float("nan")))
        rows.append((f"{network} + DNR", *dnr[:2], gflops, dnr[2], round(dnr[2] / plain[2], 2)))
    names = ["top1", "top5", "gflops", "videos_per_second", "speed_kept"]
    return pd.DataFrame(rows, columns=["network", *(f"paper_{name}" for name in names)])


def relay_direction() -> pd.DataFrame:
    """Supplement, Table 1: cross-temporal DNR alone in TSN-ResNet-50 on Kinetics-200, by direction and relay distance.

    Columns: direction (``none`` is the baseline, batch norm), relay_distance (frames, 0 for the baseline), top1 and
    top5 (percent).
    """
    rows = [
        ("none", 0, 72.80, 91.59),
        ("uni", 2, 74.56, 92.33),
        ("bi", 2, 75.56, 92.93),
        ("uni", 4, 75.52, 92.49),
        ("bi", 4, 74.92, 92.61),
    ]
    return pd.DataFrame(rows, columns=["direction", "relay_distance", "top1", "top5"])
