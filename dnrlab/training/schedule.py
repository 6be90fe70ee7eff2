"""The learning rate as a function of the iteration."""

import math
from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dnrlab.training.config import TrainConfig


def learning_rate_factor(
    step: int,
    total_steps: int,
    *,
    schedule: str = "cosine",
    milestones: Sequence[int] = (),
    warmup: int = 0,
    warmup_factor: float = 0.01,
) -> float:
    """Learning rate at ``step`` of ``total_steps`` over its peak.

    ``cosine`` falls from 1 to 0 over all steps; ``steps`` takes a tenth at each of ``milestones`` (in steps). The
    warm-up multiplies it by a line from ``warmup_factor`` to 1. Steps 0, 50 and 100 of 100 give 1, 0.5 and 0.
    """
    if schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * min(step / total_steps, 1)))
    else:
        factor = 0.1 ** sum(step >= milestone for milestone in milestones)
    return factor * (warmup_factor + (1 - warmup_factor) * step / warmup if step < warmup else 1)


def make_schedule(optimizer: Optimizer, config: TrainConfig, steps_per_epoch: int) -> LambdaLR:
    """The schedule of a configuration; step it once an iteration."""
    return LambdaLR(
        optimizer,
        lambda step: learning_rate_factor(
            step,
            config.epochs * steps_per_epoch,
            schedule=config.schedule,
            milestones=[epoch * steps_per_epoch for epoch in config.lr_steps],
            warmup=warmup_steps(config, steps_per_epoch),
            warmup_factor=config.warmup_factor,
        ),
    )


def warmup_steps(config: TrainConfig, steps_per_epoch: int) -> int:
    """How many steps the learning rate rises."""
    return config.warmup_iterations or round(config.warmup_epochs * steps_per_epoch)


def rate_at(schedule: LambdaLR, step: int) -> float:
    """The learning rate (of the first parameters) at any step."""
    return float(schedule.base_lrs[0] * schedule.lr_lambdas[0](step))
