"""The learning rate as a function of the iteration, and where epochs and checkpoints end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dnrlab.recipes.config import TrainConfig


@dataclass(frozen=True)
class Plan:
    """The iterations of a run: 20 videos in batches of 8 are 2 an epoch, and 6 in 3 epochs."""

    epochs: int
    steps_per_epoch: int
    clips_per_step: int  # over all processes
    checkpoint_every: int  # iterations within an epoch

    @property
    def total_steps(self) -> int:
        """Iterations of the whole run."""
        return self.epochs * self.steps_per_epoch

    def stops(self, step: int) -> list[int]:
        """The steps at which the epoch of ``step`` pauses, after it: at its checkpoints, and last at its end.

        With 10 steps an epoch and a checkpoint every 4, the epoch that begins with step 10 stops at 14, 18 and 20.
        """
        begin = step // self.steps_per_epoch * self.steps_per_epoch
        end = begin + self.steps_per_epoch
        return [stop for stop in range(begin + self.checkpoint_every, end, self.checkpoint_every) if stop > step] + [
            end
        ]


def make_plan(settings: TrainConfig, num_videos: int, num_processes: int) -> Plan:
    """The plan of a recipe for so many videos. A last short batch of an epoch is left out unless it is the only one.

    Raises: ValueError if a batch has not a clip for every process.
    """
    clips = min(settings.batch_size, num_videos)
    if clips < num_processes:
        raise ValueError(
            f"expected a clip a step for each of {num_processes} processes, got batches of {clips}; "
            "start fewer processes, or raise batch_size"
        )
    return Plan(settings.epochs, max(num_videos // settings.batch_size, 1), clips, settings.checkpoint_every)


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
