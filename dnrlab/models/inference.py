"""Networks for inference alone: with what does not depend on the input computed beforehand."""

import copy
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights
from torch.nn.utils.parametrize import is_parametrized

from dnrlab.models.inject import has_hooks
from dnrlab.relay import RelayNorm
from dnrlab.relay.axes import by_frame
from dnrlab.relay.groups import of_frames
from dnrlab.relay.interlacing import InterlacedConv2d, InterlacedConv3d
from dnrlab.relay.norm import GroupAffine, Relayed, total
from dnrlab.relay.passes import multiply_add

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, InterlacedConv2d, InterlacedConv3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
WRITTEN_BY = ("dnrlab.", "torchvision.models.", "timm.models.resnet")  # whose conv1 is followed by bn1 alone, and so on


def optimize_for_inference(model: nn.Module) -> nn.Module:
    """A copy of a network that gives the same logits in less time, in evaluation mode, for inference alone.

    Batch norms go into the convolutions and linear layers before them. The running statistics of DNR become one factor
    and one summand per channel; gamma and beta still depend on the input. Norms stay as they are in modules that are
    not known, with hooks, without running statistics, and beside layers that are used twice or compute their weights.
    In training mode the copy raises an error.

    Source: Jacob et al., "Quantization and training of neural networks", CVPR 2018, Sec. 3.2, for the folding.
    """
    model = copy.deepcopy(model)
    children = [child for parent in model.modules() for child in parent._modules.values()]
    uses = Counter(map(id, children))
    for parent in list(model.modules()):
        for before, name in pairs(parent):
            if uses[id(before)] > 1 or uses[id(parent.get_submodule(name))] > 1:
                continue
            norm = parent.get_submodule(name)
            fold_norm(before, norm)
            setattr(parent, name, Folded())
        if isinstance(parent, RelayNorm) and parent.config.standardization == "batch" and not has_hooks(parent.affine):
            parent.affine = FoldedAffine(parent.running_mean, parent.running_var, parent.affine.eps)
    return model.eval().requires_grad_(False)


def pairs(parent: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """The children of a module whose output goes to a batch norm alone, each with the name of that norm."""
    children = {name: child for name, child in parent._modules.items() if child is not None}  # also repeated ones
    names = list(children)
    following = {}
    if type(parent) is nn.Sequential:
        following = dict(pairwise(names))
    elif type(parent).__module__.startswith(WRITTEN_BY):
        following = {name: name.replace("conv", "bn", 1) for name in names if name.startswith("conv")}
    for name, norm in following.items():
        layer = children[name]
        while type(layer) is nn.Sequential and len(layer) and not has_hooks(layer):
            layer = layer[-1]
        if norm in children and is_foldable(layer, children[norm]):
            yield layer, norm


def is_foldable(layer: nn.Module, norm: nn.Module) -> bool:
    """Whether a norm is a plain batch norm with running statistics, behind a layer of its channels, without hooks."""
    known = type(layer).forward in {each.forward for each in LAYERS} and not is_parametrized(layer)
    if type(norm) not in NORMS or norm.running_mean is None or not known:
        return False
    channels = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    return channels == norm.num_features and not has_hooks(layer) and not has_hooks(norm)


def fold_norm(layer: nn.Module, norm: nn.Module) -> None:
    """Give a layer the weight and bias that it has together with the batch norm behind it. It is changed in place."""
    fuse = fuse_linear_bn_weights if isinstance(layer, nn.Linear) else fuse_conv_bn_weights
    weight = torch.ones_like(norm.running_var) if norm.weight is None else norm.weight
    bias = torch.zeros_like(norm.running_mean) if norm.bias is None else norm.bias
    statistics = norm.running_mean, norm.running_var, norm.eps, weight, bias
    layer.weight, layer.bias = fuse(layer.weight, layer.bias, *statistics)  # type: ignore[arg-type]


class Folded(nn.Module):
    """What stands where a batch norm was: x in, x out."""

    def forward(self, x: Tensor) -> Tensor:
        refuse_training(self)
        return x


class FoldedAffine(GroupAffine):
    """``GroupAffine`` of running statistics that do not change: y = gamma * (factor * x + summand) + beta."""

    factor: Tensor
    summand: Tensor

    def __init__(self, mean: Tensor, variance: Tensor, eps: float) -> None:
        super().__init__(eps)
        self.register_buffer("factor", torch.rsqrt(variance + eps))
        self.register_buffer("summand", -mean * self.factor)

    def forward(
        self, x: Tensor, mean: Tensor, variance: Tensor, sources: Sequence[Relayed], lengths: Sequence[int]
    ) -> Tensor:
        refuse_training(self)
        gamma, beta = total(sources)
        scale, shift = gamma * self.factor, torch.addcmul(beta, gamma, self.summand)
        return multiply_add(x, *(by_frame(of_frames(each, lengths), x) for each in (scale, shift)))


def refuse_training(module: nn.Module) -> None:
    """RuntimeError in training mode."""
    if module.training:
        raise RuntimeError("expected evaluation mode, got training of a copy for inference; train the network itself")
