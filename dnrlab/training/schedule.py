"""The learning rate as a function of the step, and the steps at which epochs and checkpoints end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from dnrlab.recipes.config import TrainConfig


@dataclass(frozen=True)
class Plan:
    """The steps of a run. 20 videos in batches of 8 give 2 steps per epoch, and 6 steps in 3 epochs."""

    epochs: int
    steps_per_epoch: int
    clips_per_step: int  # over all processes
    checkpoint_every: int  # steps from one checkpoint to the next within an epoch

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def stops(self, step: int) -> list[int]:
        """The steps after ``step`` at which its epoch writes a checkpoint. The last is the end of the epoch.

        With 10 steps per epoch and a checkpoint every 4 steps, the epoch from step 10 on stops at 14, 18 and 20.
        """
        begin = step // self.steps_per_epoch * self.steps_per_epoch
        end = begin + self.steps_per_epoch
        return [stop for stop in range(begin + self.checkpoint_every, end, self.checkpoint_every) if stop > step] + [
            end
        ]


def make_plan(config: TrainConfig, num_videos: int, num_processes: int) -> Plan:
    """The plan of a training on ``num_videos`` videos.

    A short last batch of an epoch is left out, unless it is the only batch.

    Raises: ValueError if a batch has fewer clips than there are processes.
    """
    clips = min(config.batch_size, num_videos)
    if clips < num_processes:
        raise ValueError(
            f"expected at least one clip per step for each of {num_processes} processes, got batches of {clips} clips; "
            "start fewer processes, or raise batch_size"
        )
    return Plan(config.epochs, max(num_videos // config.batch_size, 1), clips, config.checkpoint_every)


def learning_rate_factor(
    step: int,
    total_steps: int,
    *,
    schedule: str = "cosine",
    milestones: Sequence[int] = (),
    warmup: int = 0,
    warmup_factor: float = 0.01,
) -> float:
    """Learning rate at ``step`` of ``total_steps``, divided by its peak.

    ``cosine`` falls from 1 to 0 over all steps. ``steps`` falls to a tenth at each of ``milestones`` (in steps). During
    the first ``warmup`` steps a factor rises linearly from ``warmup_factor`` to 1. For ``cosine``, steps 0, 50 and 100
    of 100 give 1, 0.5 and 0.
    """
    if schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * min(step / total_steps, 1)))
    else:
        factor = 0.1 ** sum(step >= milestone for milestone in milestones)
    return factor * (warmup_factor + (1 - warmup_factor) * step / warmup if step < warmup else 1)


def make_schedule(optimizer: Optimizer, config: TrainConfig, steps_per_epoch: int) -> LambdaLR:
    """The schedule of a configuration. Call its ``step`` once per iteration."""
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
    """Steps of the warm-up."""
    return config.warmup_iterations or round(config.warmup_epochs * steps_per_epoch)


def rate_at(schedule: LambdaLR, step: int) -> float:
    """The learning rate of the first parameter group at any step."""
    return float(schedule.base_lrs[0] * schedule.lr_lambdas[0](step))
