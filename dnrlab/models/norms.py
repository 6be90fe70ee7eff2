"""Norms of single images in place of batch norm, for networks that DNR is compared with.

Source: Wu and He, "Group normalization", ECCV 2018; Ulyanov et al., "Instance normalization", 2016; Ba et al.,
"Layer normalization", 2016.
"""

from torch import nn

from dnrlab.relay.norm import channel_groups

NORMS = ("batch", "group", "instance", "layer")


def image_norm(norm: str, channels: int, eps: float = 1e-5) -> nn.GroupNorm:
    """Standardize each image (C, H, W) by its own statistics, then scale and shift every channel by a learned pair.

        y = gamma_c * (x - mean) / sqrt(var + eps) + beta_c,    mean and var over space and a group of channels

    ``group`` has 32 groups of channels (C / 2 if C is below 64), ``instance`` one group per channel, ``layer`` one
    group of all channels. If the map has one pixel, the output of ``instance`` is beta.

    Raises: ValueError if the groups are not equal.
    """
    groups = channel_groups(norm, channels)
    if channels % groups:
        raise ValueError(
            f"expected channels to be a multiple of the {groups} groups of group norm, got {channels}; "
            "choose another width, or norm instance or layer"
        )
    return nn.GroupNorm(groups, channels, eps=eps)


def replace_batch_norms(model: nn.Module, norm: str) -> None:
    """Replace every ``BatchNorm2d`` and ``3d`` by ``image_norm``, under the same name; ``batch`` changes nothing.

    This changes stem, blocks, shortcuts and the long-term modules of TDN. The ``BatchNorm1d`` of TANet's modules stay:
    their input has no space to take statistics over.
    """
    if norm == "batch":
        return
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(parent, name, image_norm(norm, child.num_features, child.eps))
