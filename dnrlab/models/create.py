"""Networks by name."""

from torch import nn

from dnrlab.models.blocks import BasicBlock, Bottleneck
from dnrlab.models.stages import Block
from dnrlab.models.tsn import TSN
from dnrlab.relay import DNRConfig

RESNETS: dict[int, tuple[Block, tuple[int, ...]]] = {  # block, and blocks a stage
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


def model_names() -> list[str]:
    """All names that ``create_model`` knows."""
    return [f"tsn_resnet{depth}" for depth in RESNETS]


def create_model(
    name: str,
    *,
    num_classes: int = 400,
    num_frames: int = 8,
    dnr: DNRConfig | None = None,
    width: int = 64,
    interlacing: bool | None = None,
    dropout: float = 0.5,
) -> nn.Module:
    """A network by name, with random weights.

    Args:
        name: one of ``model_names()``.
        num_classes: logits a clip.
        num_frames: T of the clips, kept as ``model.num_frames``.
        dnr: settings of DNR; None is the plain network.
        width: channels of the stem, 64 as published.
        interlacing: channel interlacing; None follows ``dnr``.
        dropout: probability before the classifier.

    Returns: a module from clips (N, 3, T, H, W) to logits (N, num_classes).

    Raises: ValueError if the name is unknown (it lists the known ones) or a number is out of range.
    """
    if name not in model_names():
        raise ValueError(f"expected a network's name, got {name!r}; known: {', '.join(model_names())}")
    if min(num_classes, num_frames, width) < 1 or not 0 <= dropout < 1:
        raise ValueError(
            "num_classes, num_frames and width must be at least 1 and dropout in [0, 1), "
            f"got {num_classes}, {num_frames}, {width} and {dropout}"
        )
    block, depths = RESNETS[int(name.removeprefix("tsn_resnet"))]
    return TSN(
        block,
        depths,
        num_classes=num_classes,
        num_frames=num_frames,
        dnr=dnr,
        interlacing=dnr is not None if interlacing is None else interlacing,
        width=width,
        dropout=dropout,
    )
