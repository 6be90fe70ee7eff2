"""Published networks as trees of plain modules, whose state dicts have the names of the original repositories.

They have no forward. ``by_hand`` puts their weights into a network of dnrlab, module by module.
"""

import torch
from torch import nn

DEPTHS = (3, 4, 6, 3)
WIDTH = 16


class Tree(nn.Module):
    """Modules by name."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def at_random(tree, seed=0):
    """Random weights, biases, running statistics and counters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in tree.state_dict().items():
            if name.endswith("num_batches_tracked"):
                tensor.fill_(int(torch.randint(1, 1000, (), generator=generator)))
            elif name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            else:
                fan_in = max(tensor[0].numel(), 4)
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / fan_in**0.5)
    return tree


def bottleneck(inputs, channels, *, bias=False, norm=nn.BatchNorm2d):
    parts = {
        "conv1": nn.Conv2d(inputs, channels, 1, bias=bias),
        "bn1": norm(channels),
        "conv2": nn.Conv2d(channels, channels, 3, bias=bias),
        "bn2": norm(channels),
        "conv3": nn.Conv2d(channels, 4 * channels, 1, bias=bias),
        "bn3": nn.BatchNorm2d(4 * channels),
    }
    return Tree(**parts)


def stage(number, *, bias=False, norm=nn.BatchNorm2d):
    """The blocks of a stage; the first has a shortcut."""
    channels = WIDTH * 2 ** (number - 1)
    inputs = WIDTH if number == 1 else 2 * channels
    blocks = [
        bottleneck(inputs if i == 0 else 4 * channels, channels, bias=bias, norm=norm)
        for i in range(DEPTHS[number - 1])
    ]
    blocks[0].downsample = nn.Sequential(nn.Conv2d(inputs, 4 * channels, 1, bias=bias), nn.BatchNorm2d(4 * channels))
    return blocks


def resnet(**settings):
    """torchvision's ResNet-50 without its classifier, in width 16."""
    stages = {f"layer{number}": nn.Sequential(*stage(number, **settings)) for number in range(1, 5)}
    return Tree(conv1=nn.Conv2d(3, WIDTH, 7, bias=settings.get("bias", False)), bn1=nn.BatchNorm2d(WIDTH), **stages)


def classifier(classes):
    return nn.Linear(WIDTH * 32, classes)


def adaptive(channels, frames):
    """TAM: the global branch G and the local branch L."""
    over_time = [
        nn.Linear(frames, 2 * frames, bias=False),
        nn.BatchNorm1d(2 * frames),
        nn.ReLU(),
        nn.Linear(2 * frames, 3, bias=False),
    ]
    inner = channels // 4
    local = [
        nn.Conv1d(channels, inner, 3, bias=False),
        nn.BatchNorm1d(inner),
        nn.ReLU(),
        nn.Conv1d(inner, channels, 1, bias=False),
    ]
    return Tree(G=nn.Sequential(*over_time, nn.Softmax(-1)), L=nn.Sequential(*local, nn.Sigmoid()))


def tsm(classes=5, *, shifted=True, temporal_pool=False):
    """temporal-shift-module: ``TemporalShift`` around the first convolutions, ``TemporalPool`` around layer2."""
    base = resnet()
    for number in range(1, 5) if shifted else ():
        for block in base.get_submodule(f"layer{number}"):
            block.conv1 = Tree(net=block.conv1)
    if temporal_pool:
        base.layer2 = Tree(net=base.layer2)
    return at_random(Tree(base_model=base, new_fc=classifier(classes)))


def tam(classes=5, frames=8):
    """TANet: each block is a pair of ``tam`` and the block as ``net``."""
    base = resnet()
    for number in range(1, 5):
        blocks = base.get_submodule(f"layer{number}")
        pairs = [Tree(tam=adaptive(block.conv1.out_channels, frames), net=block) for block in blocks]
        base.add_module(f"layer{number}", nn.Sequential(*pairs))
    return at_random(Tree(base_model=base, new_fc=classifier(classes)))


def excitation(channels):
    """TDN's mSE."""
    inner = max(channels // 16, 1)
    small = {f"conv3_smallscale{n}": nn.Conv2d(inner, inner, 3, bias=False) for n in (2, 4)}
    small |= {f"bn3_smallscale{n}": nn.BatchNorm2d(inner) for n in (2, 4)}
    return Tree(
        conv1=nn.Conv2d(channels, inner, 1, bias=False),
        bn1=nn.BatchNorm2d(inner),
        conv2=nn.Conv2d(inner, inner, 3, groups=inner, bias=False),
        conv3=nn.Conv2d(inner, channels, 1, bias=False),
        bn3=nn.BatchNorm2d(channels),
        **small,
    )


def tdn(classes=5):
    """TDN: stages are called ``_bak``, and every convolution of the ResNet has a bias."""
    base = Tree(conv1=nn.Conv2d(3, WIDTH, 7), bn1=nn.BatchNorm2d(WIDTH))
    base.conv1_temp = nn.Conv2d(3, WIDTH, 7)
    base.conv1_5 = nn.Sequential(nn.Conv2d(12, WIDTH, 7, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU())
    base.resnext_layer1 = nn.Sequential(*stage(1, bias=True))
    for number in range(1, 5):
        blocks = stage(number, bias=True)
        for block in blocks if number > 1 else ():
            channels = block.conv1.out_channels
            block.mse, block.shift = (
                excitation(channels),
                Tree(conv=nn.Conv1d(channels, channels, 3, groups=channels, bias=False)),
            )
        base.add_module(f"layer{number}_bak", nn.Sequential(*blocks))
    return at_random(Tree(base_model=base, new_fc=classifier(classes)))


def cell(channels):
    """The LSTM of DNR's release, with lists for stacked cells."""

    def gates():
        return nn.ModuleList(
            [
                Tree(
                    seq=nn.Sequential(
                        nn.Linear(channels, channels // 4), nn.ReLU(), nn.Linear(channels // 4, 4 * channels)
                    )
                )
            ]
        )

    return Tree(w_ih=gates(), w_hh=gates())


def dnr_release(classes=5):
    """ResNet_DNR in TSN2D of mmaction 0.1."""
    backbone = Tree(conv1=nn.Conv2d(3, WIDTH, 7, bias=False), bn1=nn.BatchNorm2d(WIDTH))
    for number in range(1, 5):
        blocks = stage(number, norm=lambda channels: nn.BatchNorm2d(channels, affine=False))
        for block in blocks:
            block.bn2.lstm = cell(block.conv2.out_channels)
        backbone.add_module(
            f"layer{number}", Tree(lstm=cell(blocks[0].conv1.out_channels), ModuleList=nn.ModuleList(blocks))
        )
    return at_random(Tree(backbone=backbone, cls_head=Tree(fc_cls=classifier(classes))))


def mmaction2(classes=5, *, kind="tsn", temporal_pool=False, frames=8):
    """MMAction2 1.x: convolution and norm together as ``ConvModule``; kind tsn, tsm or tanet."""
    backbone = Tree(conv1=Tree(conv=nn.Conv2d(3, WIDTH, 7, bias=False), bn=nn.BatchNorm2d(WIDTH)))
    for number in range(1, 5):
        blocks = []
        for plain in stage(number):
            block = Tree(
                **{
                    f"conv{n}": Tree(conv=plain.get_submodule(f"conv{n}"), bn=plain.get_submodule(f"bn{n}"))
                    for n in (1, 2, 3)
                }
            )
            if hasattr(plain, "downsample"):
                block.downsample = Tree(conv=plain.downsample[0], bn=plain.downsample[1])
            if kind == "tsm":
                block.conv1.conv = Tree(net=block.conv1.conv)
            blocks.append(
                Tree(block=block, tam=adaptive(plain.conv1.out_channels, frames)) if kind == "tanet" else block
            )
        layer = nn.Sequential(*blocks)
        backbone.add_module(f"layer{number}", Tree(net=layer) if temporal_pool and number == 2 else layer)
    return at_random(Tree(backbone=backbone, cls_head=Tree(fc_cls=classifier(classes))))
