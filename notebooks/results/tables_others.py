"""Tables of the other 2D families and of batch sizes: from the stored predictions."""

from pathlib import Path

import pandas as pd
from tables_parts import by_case

from dnrlab.experiments.tables import interval, markdown, number
from dnrlab.experiments.variants import differences, means, read_videos, with_cases
from dnrlab.paper import kinetics400

FOLDER = Path(__file__).parent
FAMILIES = {  # name: cases of evidence_families without and with DNR; TSM with DNR is TSN with DNR
    "TSN": ("bn", "tsn_dnr"),  # bn of evidence_parts
    "TSM": ("tsm_bn", "tsn_dnr"),
    "TANet": ("tanet_bn", "tanet_dnr"),
    "TDN": ("tdn_bn", "tdn_dnr"),
}
NETWORKS = {
    **{"bn": "TSN", "tsm_bn": "TSM", "tsn_dnr": "TSN or TSM, DNR", "tanet_bn": "TANet", "tanet_dnr": "TANet, DNR"},
    **{"tdn_bn": "TDN", "tdn_dnr": "TDN, DNR"},
}
LABELS = {"bn": "batch norm", "gn": "group norm", "dnr": "DNR", "dnr_gn": "DNR, group statistics"}
NORMS_COMPARED = {  # baseline and other of each
    ("bn", "dnr"): "DNR − batch norm",
    ("gn", "dnr"): "DNR − group norm",
    ("gn", "dnr_gn"): "DNR, group statistics − group norm",
}
ABOUT_FAMILIES = (
    "The demo's networks (ResNet-18 of width 8, 48 pixels, lr 0.1, 16 epochs, which are not chosen for each) on the "
    "synthetic videos, 3 seeds; 95 % interval. TSN and TANet get interlacing with DNR; TSM and TDN shift channels by "
    "themselves. Paper: ResNet-50 on Kinetics-400."
)
ABOUT_MOTIONS = "Top-1 of the same networks, and on each pair of motions, where guessing within the pair is 0.5."
ABOUT_BATCHES = (
    "The demo's network (ResNet-18 of width 8, 48 pixels, 4 epochs) on the synthetic videos, 3 seeds. All networks are "
    "interlaced, so that only the norm differs. The learning rate is in proportion to the batch, and not chosen for "
    "each norm."
)


def families(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each family without and with DNR, and the gain here and in the paper."""
    texts = means(videos, "case").set_index("case")
    same = videos.assign(network="resnet18")  # so that TSM is compared with TSN with DNR
    gains = differences(same, tuple(FAMILIES.values()), name="case").set_index(["baseline", "other"])
    published = kinetics400().set_index("network")["paper_top1"] / 100
    rows = []
    for name, pair in FAMILIES.items():
        network = f"{name.lower()}_resnet50"
        gain, paper = gains.loc[pair], published[f"{network} + DNR"] - published[network]
        shown = [interval(texts.loc[case]) for case in pair]
        rows.append([name, *shown, f"{paper:+.4f}", interval(gain, sign="+"), number(gain["smallest"])])
    return markdown(["family", "without DNR", "with DNR", "gain in the paper", "gain here", "smallest"], rows)


def batch_sizes(videos: pd.DataFrame) -> list[str]:
    """Top-1 of each norm at each batch size, and what DNR adds with the same seed."""
    texts = means(videos, "case").set_index("case")
    rows = []
    for size in sorted(videos["batch_size"].unique()):
        pairs = [(f"{first}_batch{size}", f"{other}_batch{size}") for first, other in NORMS_COMPARED]
        gains = differences(videos, pairs, name="case").set_index(["baseline", "other"])
        names = [f"{norm}_batch{size}" for norm in LABELS]
        shown = [interval(texts.loc[name]) if name in texts.index else "" for name in names]
        added = [interval(gains.loc[pair], sign="+") if pair in gains.index else "" for pair in pairs]
        rows.append([str(size), *shown, *added])
    return markdown(["batch", *LABELS.values(), *NORMS_COMPARED.values()], rows)


def sections() -> list[tuple[str, str, list[str]]]:
    """Title, explanation and lines of each table."""
    networks = with_cases(pd.concat([read_videos(FOLDER / f"{name}.csv") for name in ("families", "parts")]))
    networks = networks[networks["grid"].isin(("evidence_families", "evidence_parts"))]  # with one learning rate
    small = read_videos(FOLDER / "batch_sizes.csv")
    small = with_cases(small.assign(batch_size=small["run"].str.extract(r"_batch(\d+)_")[0].astype(int)))
    return [
        ("Other families", ABOUT_FAMILIES, families(networks)),
        ("Each pair of motions, other families", ABOUT_MOTIONS, by_case(networks, NETWORKS)),
        ("Batch sizes", ABOUT_BATCHES, batch_sizes(small)),
    ]
