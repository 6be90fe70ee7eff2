"""The training loop."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dnrlab.data.transforms import normalize
from dnrlab.device import autocast
from dnrlab.distributed import ALONE, World, all_gather, all_sum

DROPOUT_STREAM = 3  # keeps it apart from other uses of a seed; see dnrlab.data.dataset.seeded_generator


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What training steps gave, added up over clips or steps; a part of an epoch, or the whole."""

    loss: float = 0.0  # cross-entropy, nats
    right: float = 0.0  # clips whose highest logit was that of their label, as they were seen
    grad_norm: float = 0.0  # norms of the gradient before clipping
    clips: int = 0
    steps: int = 0
    seconds: float = 0.0  # by the clock, of one process

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def means(self) -> dict[str, Any]:
        """Columns of a history: ``loss`` and ``top1`` a clip, ``grad_norm`` a step, and the number of clips."""
        clips, steps = max(self.clips, 1), max(self.steps, 1)
        means = {"loss": self.loss / clips, "top1": self.right / clips, "grad_norm": self.grad_norm / steps}
        return {**means, "clips": self.clips}


def train_steps(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: Optimizer,
    schedule: LRScheduler,
    *,
    device: str,
    clip_norm: float,
    seed: int = 0,
    world: World = ALONE,
) -> Sums:
    """Train on every batch once, in bfloat16 where a GPU is used.

    What is drawn in a step (dropout) depends on the seed, the step and the rank alone, so that a run that resumes at
    any step draws the same.

    Args:
        batches: this process's clips (N, 3, T, H, W), uint8 or in [0, 1], and labels (N,), a batch a step; where it is
            empty there is no step, but the schedule moves on. Of several processes one without a clip takes a black
            one, which counts nothing but in batch statistics.
        clip_norm: largest norm of the whole gradient.
        world: of many processes each has its own part of a step's clips, and ``model`` is a DistributedDataParallel.

    Returns: the sums over all processes.

    Raises: FloatingPointError naming the step and the learning rate if a loss or gradient is not finite, at the end.
    """
    model.train()
    sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, right, norm of the gradient
    clips_seen, steps, rates = 0, 0, {schedule.last_epoch: schedule.get_last_lr()[0]}
    bad_step = torch.full((), torch.inf, dtype=torch.float64, device=device)  # .item() here would stall a GPU
    for clips, labels in batches:
        step = schedule.last_epoch
        torch.manual_seed(step_seed(seed, step, world.rank))
        number = len(labels)
        if number == 0 and world.size == 1:  # none of its videos could be read
            schedule.step()
            continue
        if number == 0:  # the other ranks wait for this one: a black clip that counts nothing
            clips, labels = clips.new_zeros(1, *clips.shape[1:]), labels.new_zeros(1)
        clips, labels = clips.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        share = share_of_step(number, world, device)
        loss, right, norm = training_step(model, optimizer, clips, labels, clip_norm=clip_norm, share=share)
        schedule.step()  # once per iteration, so that the warm-up may end within an epoch
        sums += torch.stack([loss.double() * number, right.double() * (number > 0), norm.double()])
        finite = loss.isfinite() & norm.isfinite()  # a gradient can overflow where the loss does not
        bad_step = torch.where(finite, bad_step, bad_step.clamp(max=step))
        clips_seen, steps = clips_seen + number, steps + 1
        rates[schedule.last_epoch] = schedule.get_last_lr()[0]
    everywhere = all_gather((clips_seen, *sums.tolist(), bad_step.item()), world)
    first_bad = min(each[-1] for each in everywhere)
    if math.isfinite(first_bad):
        where = f"at step {int(first_bad)} (learning rate {rates[int(first_bad)]:.3g})"
        raise FloatingPointError(f"the loss or its gradient is not finite {where}; lower lr or lengthen the warm-up")
    clips_seen, loss_sum, right_sum, norm_sum = (sum(each[place] for each in everywhere) for place in range(4))
    return Sums(loss=loss_sum, right=right_sum, grad_norm=norm_sum / world.size, clips=int(clips_seen), steps=steps)


def training_step(
    model: nn.Module,
    optimizer: Optimizer,
    clips: Tensor,
    labels: Tensor,
    *,
    clip_norm: float,
    share: Tensor | float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Forward, backward, clipping and the optimizer's step, in bfloat16 on a GPU.

    Args:
        clips: (N, 3, T, H, W), uint8 or in [0, 1], and labels (N,), on the device of the model.
        clip_norm: largest norm of the whole gradient.
        share: factor of the loss in the backward pass; see ``share_of_step``.

    Returns: mean loss per clip (nats), clips whose highest logit is that of their label, and the norm of the gradient
    before clipping; three scalars on the device, which nothing here waits for.
    """
    with autocast(clips.device):
        logits = model(normalize(clips))  # (N, classes)
        loss = F.cross_entropy(logits, labels)  # autocast computes it in float32
    optimizer.zero_grad(set_to_none=True)
    (loss * share).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return loss.detach(), (logits.argmax(dim=1) == labels).sum(), norm


def share_of_step(number: int, world: World, device: str) -> Tensor | float:
    """What the mean loss over ``number`` clips of this process counts in a step that DistributedDataParallel averages.

    Of two processes with 3 clips and 1 the first counts 1.5, the second 0.5; alone, or with equal parts, it is 1.
    """
    if world.size == 1:
        return 1.0
    own = torch.full((), float(number), device=device)
    return own * world.size / all_sum(own, world).clamp(min=1)


def step_seed(seed: int, step: int, rank: int) -> int:
    """The seed of what a process draws in a step."""
    (word,) = np.random.SeedSequence((DROPOUT_STREAM, seed, step, rank)).generate_state(1, np.uint64)
    return int(word >> np.uint64(1))  # below 2**63
