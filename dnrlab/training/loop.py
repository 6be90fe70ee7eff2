"""The training loop."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dnrlab.data.transforms import normalize


class EpochResult(NamedTuple):
    """What an epoch gives."""

    loss: float  # mean cross-entropy a clip, in nats
    top1: float  # of the training clips, as they were seen
    grad_norm: float  # mean norm of the gradient before clipping
    clips: int


def train_epoch(
    model: nn.Module,
    loader: Iterable[tuple[Tensor, Tensor]],
    optimizer: Optimizer,
    schedule: LRScheduler,
    *,
    device: str,
    clip_norm: float,
) -> EpochResult:
    """Train on every clip once, in bfloat16 where a GPU is used.

    Args:
        loader: batches of clips (N, 3, T, H, W), uint8 or in [0, 1], and labels (N,); an empty one is no step, but the
            schedule moves on.
        clip_norm: largest norm of the whole gradient.

    Raises: FloatingPointError if the loss is not finite at the end; ValueError if there was no clip at all.
    """
    model.train()
    total, right, norms = (torch.zeros((), device=device) for _ in range(3))
    seen = steps = 0
    for clips, labels in loader:
        if len(labels) == 0:  # none of its videos could be read
            schedule.step()
            continue
        clips, labels = clips.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=device.startswith("cuda")):
            logits = model(normalize(clips))  # (N, classes)
            loss = F.cross_entropy(logits, labels)  # autocast takes it in float32
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        schedule.step()  # once an iteration, so that the warm-up may end within an epoch
        total, norms = total + loss.detach() * len(labels), norms + norm  # .item() here would stall a GPU
        right = right + (logits.argmax(dim=1) == labels).sum()
        seen, steps = seen + len(labels), steps + 1
    if seen == 0:
        raise ValueError("expected clips to train on, got none; 'dnrlab manifest check' lists videos that are bad")
    if not math.isfinite(total.item()):
        rate = schedule.get_last_lr()[0]
        raise FloatingPointError(f"the loss is not finite (learning rate {rate:.3g}); lower lr or lengthen the warm-up")
    return EpochResult((total / seen).item(), (right / seen).item(), (norms / steps).item(), seen)
