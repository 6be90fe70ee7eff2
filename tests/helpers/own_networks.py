"""Functions that return networks, as users write them: ``tests.helpers.own_networks:clips``."""

from dnrlab import add_dnr
from dnrlab.models import PerFrame
from dnrlab.torchvision_guard import guard_torchvision


def clips(num_classes):
    """A plain network for clips: torchvision's blocks and stem, one block per stage."""
    guard_torchvision()
    from torchvision.models.video.resnet import BasicBlock, BasicStem, Conv3DSimple, VideoResNet

    return VideoResNet(BasicBlock, [Conv3DSimple] * 4, [1, 1, 1, 1], BasicStem, num_classes=num_classes)


def images(num_classes, num_frames, dnr=None, interlacing=True):
    """A network for images on every frame; it puts DNR in itself."""
    guard_torchvision()
    import timm

    network = timm.create_model("resnet10t", num_classes=num_classes)
    if dnr is not None:
        add_dnr(network, dnr, num_frames=num_frames, interlacing=interlacing)
    return PerFrame(network)


def always_dnr(num_classes, num_frames):
    """A network that has DNR whatever the settings say."""
    network = clips(num_classes)
    add_dnr(network)
    return network


def wrong_classes(num_classes):
    """A network with a class too many."""
    return clips(num_classes + 1)


def needs_more(num_classes, alphabet):
    """A function with an argument that is no setting."""
    return clips(num_classes)


def no_network():
    """A function that returns something else."""
    return "network"


def always_interlaced(num_classes, dnr=None):
    """A network that passes DNR on, but not the wish for interlacing."""
    network = clips(num_classes)
    if dnr is not None:
        add_dnr(network, dnr)
    return network


def forgotten_wrapper(num_classes):
    """A network for images, without PerFrame."""
    return images(num_classes, 4).network


def looks_at_values(num_classes):
    """A network whose forward pass looks at values."""
    network = clips(num_classes)
    network.stem.register_forward_pre_hook(lambda _, inputs: None if inputs[0].isfinite().all() else inputs)
    return network
