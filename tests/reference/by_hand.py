"""Put the weights of ``tests.reference.checkpoints`` into networks of dnrlab, module by module, without a name map."""

import torch


def copy(ours, theirs):
    """Two modules of one kind."""
    ours.load_state_dict(theirs.state_dict())


def copy_statistics(ours, theirs):
    ours.running_mean.copy_(theirs.running_mean)
    ours.running_var.copy_(theirs.running_var)


def copy_cell(ours, theirs):
    copy(ours.input_gates, theirs.w_ih[0].seq)
    copy(ours.hidden_gates, theirs.w_hh[0].seq)


def copy_block(ours, theirs, *, norms=copy):
    """A bottleneck; ``norms`` copies its first two norms. Wrapped convolutions stand under ``net``."""
    copy(ours.conv1, getattr(theirs.conv1, "net", theirs.conv1))
    copy(ours.conv2, theirs.conv2)
    copy(ours.conv3, theirs.conv3)
    norms(ours.bn1, theirs.bn1)
    norms(ours.bn2, theirs.bn2)
    copy(ours.bn3, theirs.bn3)
    if ours.downsample is not None:
        copy(ours.downsample[0], theirs.downsample[0])
        copy(ours.downsample[1], theirs.downsample[1])


def copy_adaptive(ours, theirs):
    copy(ours.kernel, theirs.G)
    copy(ours.weight, theirs.L)


def pairs(ours, stages):
    """Blocks of dnrlab and of a list of stages."""
    for mine, theirs in zip((ours.layer1, ours.layer2, ours.layer3, ours.layer4), stages, strict=True):
        for number, block in enumerate(theirs):
            yield mine.get_submodule(str(number)), block


def stages_of(base):
    return [getattr(base.get_submodule(f"layer{n}"), "net", base.get_submodule(f"layer{n}")) for n in range(1, 5)]


@torch.no_grad()
def from_tsm(ours, theirs):
    base = theirs.base_model
    copy(ours.conv1, base.conv1)
    copy(ours.bn1, base.bn1)
    for mine, block in pairs(ours, stages_of(base)):
        copy_block(mine, block)
    copy(ours.fc, theirs.new_fc)
    return ours


@torch.no_grad()
def from_tam(ours, theirs):
    base = theirs.base_model
    copy(ours.conv1, base.conv1)
    copy(ours.bn1, base.bn1)
    for mine, block in pairs(ours, stages_of(base)):
        copy_block(mine, block.net)
        copy_adaptive(mine.inside, block.tam)
    copy(ours.fc, theirs.new_fc)
    return ours


@torch.no_grad()
def from_tdn(ours, theirs):
    base = theirs.base_model
    copy(ours.conv1, base.conv1)
    copy(ours.bn1, base.bn1)
    copy(ours.difference.conv, base.conv1_5[0])
    copy(ours.difference.bn, base.conv1_5[1])
    for number, block in enumerate(base.resnext_layer1):
        copy_block(ours.layer1_difference.get_submodule(str(number)), block)
    for mine, block in pairs(ours, [base.get_submodule(f"layer{n}_bak") for n in range(1, 5)]):
        copy_block(mine, block)
        if mine.inside is not None:
            mse, part = block.mse, mine.inside.excitation
            copy(part.squeeze[0], mse.conv1)
            copy(part.squeeze[1], mse.bn1)
            copy(part.neighbour, mse.conv2)
            copy(part.at_half[0], mse.conv3_smallscale2)
            copy(part.at_half[1], mse.bn3_smallscale2)
            copy(part.at_full[0], mse.conv3_smallscale4)
            copy(part.at_full[1], mse.bn3_smallscale4)
            copy(part.expand[0], mse.conv3)
            copy(part.expand[1], mse.bn3)
            copy(mine.inside.shift, block.shift.conv)
    copy(ours.fc, theirs.new_fc)
    return ours


@torch.no_grad()
def from_dnr_release(ours, theirs):
    backbone = theirs.backbone
    copy(ours.conv1, backbone.conv1)
    copy(ours.bn1, backbone.bn1)
    layers = [backbone.get_submodule(f"layer{n}") for n in range(1, 5)]
    for mine, layer in zip((ours.layer1, ours.layer2, ours.layer3, ours.layer4), layers, strict=True):
        copy_cell(mine.lstm, layer.lstm)
    for mine, block in pairs(ours, [layer.ModuleList for layer in layers]):
        copy_block(mine, block, norms=copy_statistics)
        copy_cell(mine.bn2.lstm, block.bn2.lstm)
    copy(ours.fc, theirs.cls_head.fc_cls)
    return ours


@torch.no_grad()
def from_mmaction2(ours, theirs):
    backbone = theirs.backbone
    copy(ours.conv1, backbone.conv1.conv)
    copy(ours.bn1, backbone.conv1.bn)
    for mine, outer in pairs(ours, stages_of(backbone)):
        block = getattr(outer, "block", outer)
        for number in (1, 2, 3):
            both = block.get_submodule(f"conv{number}")
            copy(mine.get_submodule(f"conv{number}"), getattr(both.conv, "net", both.conv))
            copy(mine.get_submodule(f"bn{number}"), both.bn)
        if mine.downsample is not None:
            copy(mine.downsample[0], block.downsample.conv)
            copy(mine.downsample[1], block.downsample.bn)
        if hasattr(outer, "tam"):
            copy_adaptive(mine.inside, outer.tam)
    copy(ours.fc, theirs.cls_head.fc_cls)
    return ours
