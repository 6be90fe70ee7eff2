"""Norms of single images in place of batch norm, for networks to compare DNR with.

Source: Wu and He, "Group normalization", ECCV 2018; Ulyanov et al., "Instance normalization", 2016; Ba et al.,
"Layer normalization", 2016.
"""

from torch import nn

from dnrlab.relay.norm import channel_groups

NORMS = ("batch", "group", "instance", "layer")


def image_norm(norm: str, channels: int, eps: float = 1e-5) -> nn.GroupNorm:
    """Standardise each image (C, H, W) by itself, then scale and shift every channel by a learned pair.

        y = gamma_c * (x - mean) / sqrt(var + eps) + beta_c,    mean and var over space and a group of channels

    ``group`` has 32 groups, or C / 2 where C is below 64, ``instance`` one a channel, ``layer`` one of all channels. Of
    a map of one pixel ``instance`` leaves nothing but beta.

    Raises: ValueError if the groups would not be equal.
    """
    groups = channel_groups(norm, channels)
    if channels % groups:
        raise ValueError(
            f"expected channels to be a multiple of the {groups} groups of group norm, got {channels}; "
            "choose another width, or norm instance or layer"
        )
    return nn.GroupNorm(groups, channels, eps=eps)


def replace_batch_norms(model: nn.Module, norm: str) -> None:
    """Put ``image_norm`` in the place of every ``BatchNorm2d``, under its name; ``batch`` leaves all as it is.

    Stem, blocks, shortcuts and the long-term modules of TDN are changed. The ``BatchNorm1d`` of TANet's modules stay:
    they see rows of single numbers, which have no space to take statistics over.
    """
    if norm == "batch":
        return
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, image_norm(norm, child.num_features, child.eps))
