"""Networks by name."""

from typing import Any

from torch import nn

from dnrlab.models.blocks import BasicBlock, Bottleneck
from dnrlab.models.norms import NORMS, replace_batch_norms
from dnrlab.models.stages import Block, interlaced, no_temporal
from dnrlab.models.tanet import adaptive
from dnrlab.models.tdn import TDN
from dnrlab.models.tsm import TSM
from dnrlab.models.tsn import TSN
from dnrlab.relay import DNRConfig
from dnrlab.relay.functional import NUM_PARTS

RESNETS: dict[int, tuple[Block, tuple[int, ...]]] = {  # block, and blocks a stage
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
FAMILIES = ("tsn", "tsm", "tanet", "tdn")


def model_names() -> list[str]:
    """All names that ``create_model`` knows."""
    return [f"{family}_resnet{depth}" for family in FAMILIES for depth in RESNETS]


def frames_per_segment(name: str) -> int:
    """Neighbouring frames that a network wants in place of each of its T frames: 5 of TDN, 1 of the others."""
    return TDN.frames_per_segment if name.startswith("tdn_") else 1


def parsed(name: str) -> tuple[str, Block, tuple[int, ...]]:
    """Family, block and blocks a stage of a name. ValueError lists the known names."""
    if name not in model_names():
        raise ValueError(f"expected a network's name, got {name!r}; known: {', '.join(model_names())}")
    family, depth = name.split("_resnet")
    return family, *RESNETS[int(depth)]


def check_pool(name: str, temporal_pool: bool) -> None:
    """ValueError if a network is to pool over time and is no TSM."""
    if temporal_pool and not name.startswith("tsm_"):
        raise ValueError(f"expected temporal_pool with TSM only, got {name}; leave it out")


def shifts_already(name: str) -> bool:
    """Whether a network moves channels between frames by itself, and is not interlaced therefore."""
    return name.startswith(("tsm_", "tdn_"))


def check_options(name: str, dnr: DNRConfig | None, norm: str, interlacing: bool | None, temporal_pool: bool) -> None:
    """ValueError if an option of ``create_model`` is not one of the network."""
    if norm not in NORMS:
        raise ValueError(f"expected norm in {NORMS}, got {norm!r}")
    if dnr is not None and norm != "batch":
        raise ValueError(
            f"expected norm 'batch' with DNR, got {norm!r}; choose DNRConfig(standardization={norm!r}), or no DNR"
        )
    if interlacing and shifts_already(name):
        raise ValueError(f"expected no interlacing in {name}, which shifts channels already; leave it out")
    check_pool(name, temporal_pool)


def create_model(
    name: str,
    *,
    num_classes: int = 400,
    num_frames: int = 8,
    dnr: DNRConfig | None = None,
    norm: str = "batch",
    width: int = 64,
    interlacing: bool | None = None,
    dropout: float = 0.5,
    temporal_pool: bool = False,
) -> nn.Module:
    """A network by name, with random weights.

    Args:
        name: one of ``model_names()``.
        num_classes: logits a clip.
        num_frames: T of the clips, kept as ``model.num_frames``; of TDN the number of segments of five frames.
        dnr: settings of DNR; None is the plain network.
        norm: of a plain network: batch, or group, instance or layer, which take their statistics from each image.
        width: channels of the stem, 64 as published.
        interlacing: channel interlacing; None follows ``dnr`` in TSN and TANet. TSM and TDN shift already.
        dropout: probability before the classifier.
        temporal_pool: of TSM only: halves the frames before layer2.

    Returns: a module from clips (N, 3, T * model.frames_per_segment, H, W) to logits (N, num_classes).

    Raises: ValueError if the name is unknown (it lists the known ones), a number is out of range, or an option is not
        one of this network.
    """
    family, block, depths = parsed(name)
    if min(num_classes, num_frames, width) < 1 or not 0 <= dropout < 1:
        raise ValueError(
            "num_classes, num_frames and width must be at least 1 and dropout in [0, 1), "
            f"got {num_classes}, {num_frames}, {width} and {dropout}"
        )
    check_options(name, dnr, norm, interlacing, temporal_pool)
    shifting = interlacing or (interlacing is None and dnr is not None)
    if width < NUM_PARTS and (shifting or shifts_already(name)):
        raise ValueError(
            f"expected a width of at least {NUM_PARTS} to shift channels, got {width}; use a wider network"
        )
    settings: dict[str, Any] = {"num_classes": num_classes, "num_frames": num_frames, "dnr": dnr}
    settings |= {"width": width, "dropout": dropout}
    shift = interlaced if shifting else no_temporal
    if family == "tsm":
        model: nn.Module = TSM(block, depths, temporal_pool=temporal_pool, **settings)
    elif family == "tanet":
        model = TSN(block, depths, temporal=adaptive(num_frames, interlacing=shift), **settings)
    elif family == "tdn":
        model = TDN(block, depths, **settings)
    else:
        model = TSN(block, depths, temporal=shift, **settings)
    replace_batch_norms(model, norm)
    return model
