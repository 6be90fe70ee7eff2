"""Where a training's epochs and checkpoints end, as arithmetic on iterations."""

from dataclasses import dataclass

from dnrlab.training.config import TrainConfig


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
