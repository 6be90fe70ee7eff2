"""Batch statistics over the clips of all processes, as if one process had all clips.

Source: Ioffe and Szegedy, "Batch normalization", ICML 2015, over the whole batch. torch's SyncBatchNorm runs on
GPUs only and does not know frame groups.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from dnrlab.relay.functional import pooled_moments
from dnrlab.relay.norm import RelayNorm
from dnrlab.relay.passes import statistics_dtype


def over_processes(mean: Tensor, variance: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance and count over all processes, from the mean, biased variance and count of each process.

    Gradients flow back to the values of every process. The shapes of the three tensors broadcast.
    """

    def total(values: Tensor) -> Tensor:
        summed: Tensor = all_reduce(values.contiguous())
        return summed

    return pooled_moments(mean, variance, counts, total)


class SyncedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over (N, …) of all processes in training. Parameters and buffers are torch's.

    Shape: x (N, C, …); y like x.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected (N, C, …), got {tuple(input.shape)}; give features of a batch")

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        dims = [0, *range(2, input.ndim)]
        variance, mean = torch.var_mean(input.to(statistics_dtype(input)), dims, correction=0)  # (C,)
        mean, variance, count = over_processes(mean, variance, torch.full_like(mean, input.numel() / len(mean)))
        with torch.no_grad():
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
            for old, new in ((self.running_mean, mean), (self.running_var, variance * count / (count - 1))):
                old.lerp_(new.to(old.dtype), self.momentum)  # type: ignore[union-attr, arg-type]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shape = (1, -1, *[1] * (input.ndim - 2))
        y = torch.addcmul((self.bias - mean * scale).view(shape), input, scale.view(shape))
        return y.to(input.dtype)


def synchronize_statistics(model: nn.Module) -> nn.Module:
    """Make every batch norm and DNR layer of ``model`` take its statistics over all processes; returns ``model``.

    The parameters and buffers stay the same tensors.

    Raises: ValueError if torch.distributed has not been initialised.
    """
    if not dist.is_initialized():
        raise ValueError("expected several processes to synchronise, got one; start them with torchrun")
    for parent in model.modules():
        if isinstance(parent, RelayNorm):
            parent.synchronize = over_processes
        for name, child in parent.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm) and not isinstance(child, SyncedBatchNorm):
                setattr(parent, name, synced(child))
    return model


def synced(norm: nn.modules.batchnorm._BatchNorm) -> SyncedBatchNorm:
    """The same batch norm with statistics over all processes."""
    options: dict[str, Any] = {"eps": norm.eps, "momentum": norm.momentum}
    other = SyncedBatchNorm(norm.num_features, **options)
    other.weight, other.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers():
        setattr(other, name, buffer)
    return other
