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

from dnrlab.compiling import compiled
from dnrlab.data.transforms import normalize
from dnrlab.device import autocast
from dnrlab.distributed import ALONE, World, all_gather, all_sum

DROPOUT_STREAM = 3  # differs from the other uses of a seed; see dnrlab.data.dataset.seeded_generator


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums of training steps over clips or steps, for a part of an epoch or all of it."""

    loss: float = 0.0  # cross-entropy over the clips, nats
    correct: float = 0.0  # clips with the highest logit for their label, before the step changed the weights
    grad_norm: float = 0.0  # norms of the gradient before clipping, over the steps
    clips: int = 0
    steps: int = 0
    seconds: float = 0.0  # elapsed time of one process

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def means(self) -> dict[str, Any]:
        """Columns of the history: ``loss`` and ``top1`` per clip, ``grad_norm`` per step, and the number of clips."""
        clips, steps = max(self.clips, 1), max(self.steps, 1)
        means = {"loss": self.loss / clips, "top1": self.correct / clips, "grad_norm": self.grad_norm / steps}
        return {**means, "clips": self.clips}


class NetworkLoss(nn.Module):
    """The forward pass of a training step, on the device: from clips to the loss.

    Shape:
        - clips: (N, 3, T, H, W), uint8 or in [0, 1]
        - labels: (N,)
        - returns: the mean cross-entropy (nats), and the number of clips with the highest logit for their label
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.run = self.loss  # or ``loss``, compiled

    def forward(self, clips: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.run(clips, labels)

    def loss(self, clips: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What ``forward`` computes, without compiling."""
        logits = self.network(normalize(clips))  # (N, classes)
        return F.cross_entropy(logits, labels), (logits.argmax(dim=1) == labels).sum()  # autocast: float32

    def compile_for(
        self, clips: Tensor, labels: Tensor, how: str, name: str = "the training step", *, required: bool = False
    ) -> None:
        """Compile the pass, in training mode, for clips and labels like these; see ``compiled``.

        Call it before DistributedDataParallel wraps this module: torch cuts a graph that it compiles inside of it into
        pieces, to which running statistics are inputs, and CUDA graphs refuse those.
        """
        self.train()
        with autocast(clips.device):
            self.run = compiled(
                self.loss, (clips, labels), how, model=self, warm_up=lambda found: found[0].backward(), name=name
            )


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
    """Train on every batch once, in bfloat16 on a GPU.

    The random numbers of a step (dropout) depend only on the seed, the step and the rank. So a run that resumes at any
    step draws the same numbers.

    Args:
        model: ``NetworkLoss``; with several processes in a DistributedDataParallel.
        batches: clips (N, 3, T, H, W), uint8 or in [0, 1], and labels (N,) of this rank, one batch per step. An empty
            batch (N = 0) only advances the schedule. With several processes, a rank without a clip trains on a black
            clip instead, which has no weight in the loss but is part of batch statistics.
        clip_norm: largest norm of the whole gradient.
        world: with several processes, each rank has its part of a step's clips.

    Returns: the sums over all processes.

    Raises: FloatingPointError, after the last batch, that names the first step at which the loss or its gradient was
        not finite, and the learning rate there.
    """
    model.train()
    sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, correct, norm of the gradient
    clips_seen, steps, rates = 0, 0, {schedule.last_epoch: schedule.get_last_lr()[0]}
    bad_step = torch.full((), torch.inf, dtype=torch.float64, device=device)  # .item() here would stall a GPU
    for clips, labels in batches:
        step = schedule.last_epoch
        torch.manual_seed(step_seed(seed, step, world.rank))
        num_clips = len(labels)
        if num_clips == 0 and world.size == 1:  # none of its videos could be read
            schedule.step()
            continue
        if num_clips == 0:  # the other ranks wait for this one: a black clip without weight
            clips, labels = clips.new_zeros(1, *clips.shape[1:]), labels.new_zeros(1)
        clips, labels = clips.to(device, non_blocking=True), labels.to(device, non_blocking=True)
        share = share_of_step(num_clips, world, device)
        loss, correct, norm = training_step(model, optimizer, clips, labels, clip_norm=clip_norm, share=share)
        schedule.step()  # once per iteration, so that the warm-up may end within an epoch
        sums += torch.stack([loss.double() * num_clips, correct.double() * (num_clips > 0), norm.double()])
        finite = loss.isfinite() & norm.isfinite()  # a gradient can overflow where the loss does not
        bad_step = torch.where(finite, bad_step, bad_step.clamp(max=step))
        clips_seen, steps = clips_seen + num_clips, steps + 1
        rates[schedule.last_epoch] = schedule.get_last_lr()[0]
    ranks = all_gather((clips_seen, *sums.tolist(), bad_step.item()), world)
    first_bad = min(rank[-1] for rank in ranks)
    if math.isfinite(first_bad):
        where = f"at step {int(first_bad)} (learning rate {rates[int(first_bad)]:.3g})"
        raise FloatingPointError(f"the loss or its gradient is not finite {where}; lower lr or lengthen the warm-up")
    clips_seen, loss, correct, norm = (sum(rank[index] for rank in ranks) for index in range(4))
    return Sums(loss=loss, correct=correct, grad_norm=norm / world.size, clips=int(clips_seen), steps=steps)


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
        model: ``NetworkLoss``, maybe in a DistributedDataParallel.
        clips: (N, 3, T, H, W), uint8 or in [0, 1], and labels (N,), on the device of the model.
        clip_norm: largest norm of the whole gradient.
        share: factor of the loss in the backward pass; see ``share_of_step``.

    Returns: three scalars on the device: mean loss per clip (nats), number of clips with the highest logit for their
        label, and norm of the gradient before clipping. Nothing here waits for the device.
    """
    optimizer.zero_grad(set_to_none=True)
    with autocast(clips.device):
        loss, correct = model(clips, labels)
    (loss * share).backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return loss.detach(), correct, norm


def share_of_step(num_clips: int, world: World, device: str) -> Tensor | float:
    """Factor of this rank's mean loss over ``num_clips`` clips. DistributedDataParallel then averages over the ranks.

    With the factor every clip of a step has the same weight. Two ranks with 3 clips and 1 clip have the factors 1.5 and
    0.5. A single process, and ranks with equally many clips, have 1.
    """
    if world.size == 1:
        return 1.0
    clips = torch.full((), float(num_clips), device=device)
    return clips * world.size / all_sum(clips, world).clamp(min=1)


def step_seed(seed: int, step: int, rank: int) -> int:
    """The seed of the random numbers that a rank draws in a step."""
    (word,) = np.random.SeedSequence((DROPOUT_STREAM, seed, step, rank)).generate_state(1, np.uint64)
    return int(word >> np.uint64(1))  # below 2**63
