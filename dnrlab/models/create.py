"""Networks by name, with random weights."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from torch import nn

from dnrlab.models.blocks import BasicBlock, Bottleneck
from dnrlab.models.norms import NORMS, replace_batch_norms
from dnrlab.models.own import build_own, is_own
from dnrlab.models.resnet3d import PLANS, ResNet3D, frames_of_stages
from dnrlab.models.stages import Block, interlaced, no_temporal
from dnrlab.models.tanet import adaptive
from dnrlab.models.tdn import TDN
from dnrlab.models.tsm import TSM
from dnrlab.models.tsn import TSN
from dnrlab.relay import DNRConfig
from dnrlab.relay.functional import NUM_PARTS

log = logging.getLogger("dnrlab")

RESNETS: dict[int, tuple[Block, tuple[int, ...]]] = {  # block, and blocks per stage
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class Family(NamedTuple):
    """What the networks of a family have in common."""

    build: Callable[..., nn.Module]  # takes a name, and keywords: ``interlaces`` and the settings of the network
    frames_per_segment: int = 1  # neighbouring frames in place of each of the T frames
    shifts: bool = False  # whether it moves channels between frames itself, so that interlacing is not used
    pools: bool = False  # whether it has the setting ``temporal_pool``


def build_tsn(name: str, *, interlaces: bool, **settings: Any) -> nn.Module:
    """TSN, with or without interlacing."""
    return TSN(*parsed(name)[1:], temporal=interlaced if interlaces else no_temporal, **settings)


def build_tsm(name: str, *, interlaces: bool, **settings: Any) -> nn.Module:
    """TSM. Its own shift replaces interlacing."""
    return TSM(*parsed(name)[1:], **settings)


def build_tanet(name: str, *, interlaces: bool, **settings: Any) -> nn.Module:
    """TANet, with or without interlacing."""
    temporal = adaptive(settings["num_frames"], interlacing=interlaced if interlaces else no_temporal)
    return TSN(*parsed(name)[1:], temporal=temporal, mask_per_clip=False, **settings)


def build_tdn(name: str, *, interlaces: bool, **settings: Any) -> nn.Module:
    """TDN. Its long-term modules start as a shift, which replaces interlacing."""
    return TDN(*parsed(name)[1:], **settings)


def build_video(name: str, *, interlaces: bool, **settings: Any) -> nn.Module:
    """A 3D network, with or without interlacing. The log says in which stages the relay has one frame group."""
    model, dnr = ResNet3D(PLANS[name], interlacing=interlaces, **settings), settings["dnr"]
    if dnr is not None and dnr.where != "layer":
        frames = frames_of_stages(PLANS[name], settings["num_frames"])
        single = [f"layer{number} (T={count})" for number, count in enumerate(frames, 1) if count <= dnr.relay_distance]
        if single:
            log_single_group(
                f"{name}: relay distance {dnr.relay_distance} gives one frame group in {', '.join(single)}"
            )
    return model


@cache
def log_single_group(sentence: str) -> None:
    """Log a sentence once per process."""
    log.info(f"{sentence}, so nothing is relayed over time there")


FAMILIES = {
    "tsn": Family(build_tsn),
    "tsm": Family(build_tsm, shifts=True, pools=True),
    "tanet": Family(build_tanet),
    "tdn": Family(build_tdn, frames_per_segment=TDN.frames_per_segment, shifts=True),
}
VIDEO = Family(build_video)  # the 3D networks
OWN = Family(build_own)  # networks that a function of the user returns


def model_names() -> list[str]:
    """All names that ``create_model`` knows. Besides, it takes ``package.module:function``."""
    return [f"{family}_resnet{depth}" for family in FAMILIES for depth in RESNETS] + list(PLANS)


def check_name(name: str) -> None:
    """ValueError lists the known names unless ``name`` is one of them."""
    if name not in model_names():
        known = ", ".join(model_names())
        raise ValueError(f"expected a network's name, got {name!r}; choose one of {known}; or package.module:function")


def parsed(name: str) -> tuple[str, Block, tuple[int, ...]]:
    """Family, block and blocks per stage of a 2D network's name. ValueError lists the known names."""
    check_name(name)
    family, depth = name.split("_resnet")
    return family, *RESNETS[int(depth)]


def family_of(name: str) -> Family:
    """The family of a network; all 3D networks are one, and all functions. ValueError lists the known names."""
    if is_own(name):
        return OWN
    check_name(name)
    return VIDEO if name in PLANS else FAMILIES[parsed(name)[0]]


def frames_per_segment(name: str) -> int:
    """Neighbouring frames in place of each of a network's T frames: 5 for TDN, 1 for the others."""
    return family_of(name).frames_per_segment


def shifts_already(name: str) -> bool:
    """Whether a network moves channels between frames itself, so that interlacing is not used."""
    return family_of(name).shifts


def check_pool(name: str, temporal_pool: bool) -> None:
    """ValueError if ``temporal_pool`` is set for a family that does not have it."""
    if temporal_pool and not family_of(name).pools:
        raise ValueError(f"expected temporal_pool with TSM only, got {name}; leave it out")


def check_options(name: str, dnr: DNRConfig | None, norm: str, interlacing: bool | None, temporal_pool: bool) -> None:
    """Raise for an option of ``create_model`` that does not fit the network; its name is in the message."""
    if dnr is not None and not isinstance(dnr, DNRConfig):
        raise TypeError(f"expected DNRConfig or None, got {type(dnr).__name__}; give dnr=DNRConfig()")
    if norm not in NORMS:
        raise ValueError(f"expected norm in {NORMS}, got {norm!r}; choose one of these")
    if dnr is not None and norm != "batch":
        raise ValueError(
            f"expected norm 'batch' with DNR, got {norm!r}; choose DNRConfig(standardization={norm!r}), or no DNR"
        )
    if interlacing and shifts_already(name):
        raise ValueError(f"expected no interlacing in {name}, which shifts channels already; leave it out")
    check_pool(name, temporal_pool)


def check_sizes(*, num_classes: int, num_frames: int, width: int, dropout: float) -> None:
    """ValueError that names an argument of ``create_model`` that is out of range."""
    for name, value in {"num_classes": num_classes, "num_frames": num_frames, "width": width}.items():
        if value < 1:
            raise ValueError(f"expected {name} of at least 1, got {value}; raise it")
    if not 0 <= dropout < 1:
        raise ValueError(f"expected dropout in [0, 1), got {dropout}; the default is 0.5")


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
        name: one of ``model_names()``; or ``package.module:function``, a function that returns a network from clips to
            logits; see ``build_own``.
        num_classes: logits per clip.
        num_frames: T, frames per clip, available as ``model.num_frames``. For TDN, segments of five frames each.
        dnr: settings of DNR; None is the plain network.
        norm: norm of a plain network: batch; or group, instance or layer, which use the statistics of each image.
        width: channels of the stem; the published networks have 64.
        interlacing: channel interlacing. None: with DNR only. TSM and TDN have their own shift instead.
        dropout: probability before the classifier.
        temporal_pool: halve the frames before layer2 (TSM only).

    Returns: a module from clips (N, 3, T * model.frames_per_segment, H, W) to logits (N, num_classes).

    Raises: ValueError if the name is unknown (it lists the known names), an argument is out of range, or an option
        does not fit this network.
    """
    family = family_of(name)
    check_sizes(num_classes=num_classes, num_frames=num_frames, width=width, dropout=dropout)
    check_options(name, dnr, norm, interlacing, temporal_pool)
    interlaces = interlacing or (interlacing is None and dnr is not None)
    if width < NUM_PARTS and (interlaces or shifts_already(name)) and not is_own(name):
        raise ValueError(f"expected width of at least {NUM_PARTS} to shift channels, got {width}; use a wider network")
    settings: dict[str, Any] = {"num_classes": num_classes, "num_frames": num_frames, "dnr": dnr}
    settings |= {"width": width, "dropout": dropout}
    if family.pools:
        settings["temporal_pool"] = temporal_pool
    model = family.build(name, interlaces=interlaces, **settings)
    replace_batch_norms(model, norm)
    return model
