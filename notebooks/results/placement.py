"""ResNet-18 with DNR in other places of its basic blocks, for evidence_reasons_placement.

`create_model` puts both relays on the first norm of a basic block. Here they are on the second norm, or cross-layer DNR
is on the first and cross-temporal DNR on the second, as in a bottleneck. All else is the network of
`create_model`, for 8 frames and without interlacing.
"""

from torch import nn

from dnrlab import DNRConfig, create_model
from dnrlab.models.blocks import BasicBlock
from dnrlab.models.stages import dnr_norms


def second_norm(num_classes: int, width: int, dropout: float, dnr: DNRConfig) -> nn.Module:
    """Both relays on the second norm."""
    network = usual(num_classes, width, dropout, dnr)
    for block in blocks(network):
        block.bn1, block.bn2 = block.bn2, block.bn1
    return network


def both_norms(num_classes: int, width: int, dropout: float, dnr: DNRConfig) -> nn.Module:
    """Cross-layer DNR on the first norm, cross-temporal DNR on the second."""
    network = usual(num_classes, width, dropout, dnr)
    for block in blocks(network):
        block.bn1, block.bn2 = dnr_norms(block.channels, dnr, bottleneck=True)
    return network


def usual(num_classes: int, width: int, dropout: float, dnr: DNRConfig) -> nn.Module:
    """Both relays on the first norm, without interlacing."""
    return create_model(
        "tsn_resnet18", num_classes=num_classes, width=width, dropout=dropout, dnr=dnr, interlacing=False
    )


def blocks(network: nn.Module) -> list[BasicBlock]:
    """The basic blocks of a network."""
    return [module for module in network.modules() if isinstance(module, BasicBlock)]
