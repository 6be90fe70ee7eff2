"""Frozen configurations of a training run, to and from JSON."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from dnrlab.data.config import DataConfig
from dnrlab.data.loading import check_bad_videos
from dnrlab.models import frames_per_segment
from dnrlab.models.config import ModelConfig
from dnrlab.models.tdn_modules import FRAMES
from dnrlab.recipes.typed import typed
from dnrlab.relay import DNRConfig

SCHEDULES = ("cosine", "steps")


RULES = ("uniform", "tsm", "tdn")


def expect(name: str, holds: bool, what: str, value: object) -> None:
    """ValueError that names a field of ``TrainConfig`` and its value, unless the condition holds."""
    if not holds:
        default = TrainConfig.__dataclass_fields__[name].default
        raise ValueError(f"expected {name} {what}, got {value!r}; the default is {default!r}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Optimization: SGD with momentum, and a learning rate that changes every iteration."""

    epochs: int = 50  # passes over the training videos
    batch_size: int = 32  # clips per step, over all processes
    lr: float = 0.01  # peak learning rate, reached at the end of the warm-up
    lr_batch: int = 0  # clips per step that lr is meant for, used by scale_lr; 0: not given
    scale_lr: bool = False  # multiply lr by batch_size / lr_batch
    momentum: float = 0.9  # momentum of SGD
    weight_decay: float = 1e-4  # weight decay of the parameters that decay by parameter_rules
    parameter_rules: str = "uniform"  # uniform: same lr and decay for all; tsm, tdn: by kind of parameter
    clip_norm: float = 40.0  # largest norm of the whole gradient
    schedule: str = "cosine"  # cosine, or steps: a tenth of lr at each of lr_steps
    lr_steps: tuple[int, ...] = ()  # epochs at which the schedule steps lowers lr
    warmup_iterations: int = 0  # iterations of the warm-up, linear from warmup_factor times lr
    warmup_epochs: float = 0.0  # the same in epochs; give only one of both
    warmup_factor: float = 0.01  # lr at the start of the warm-up, as part of its peak
    sync_statistics: bool = False  # batch statistics over the clips of all processes; else each process uses its own
    checkpoint_every: int = 1000  # iterations between checkpoints in an epoch; each epoch ends with one
    validate_every: int = 1  # epochs between validations; the last epoch is always validated
    bad_videos: str = "error"  # error stops at a bad video and names it; skip leaves it out, counts and lists it
    initial_weights: str = ""  # imagenet, a run folder (both without classifier), or a file of weights; empty: random
    seed: int = 0  # seed of weights, order of videos, clips and crops

    def __post_init__(self) -> None:
        check_bad_videos(self.bad_videos)
        for name in ("epochs", "batch_size", "validate_every", "checkpoint_every"):
            expect(name, getattr(self, name) >= 1, "of at least 1", getattr(self, name))
        for name in ("weight_decay", "lr_batch", "warmup_epochs", "warmup_iterations"):
            expect(name, getattr(self, name) >= 0, "of at least 0", getattr(self, name))
        expect("lr", 0 < self.lr <= 10, "in (0, 10]", self.lr)
        expect("momentum", 0 <= self.momentum < 1, "in [0, 1)", self.momentum)
        expect("clip_norm", self.clip_norm > 0, "above 0", self.clip_norm)
        expect("warmup_factor", 0 < self.warmup_factor <= 1, "in (0, 1]", self.warmup_factor)
        expect("parameter_rules", self.parameter_rules in RULES, f"in {RULES}", self.parameter_rules)
        expect("schedule", self.schedule in SCHEDULES, f"in {SCHEDULES}", self.schedule)
        if self.warmup_epochs and self.warmup_iterations:
            raise ValueError(
                f"expected warmup_iterations 0 with warmup_epochs {self.warmup_epochs}, got {self.warmup_iterations}; "
                "give the warm-up in epochs or in iterations"
            )
        if self.scale_lr and not self.lr_batch:
            raise ValueError(
                "expected lr_batch of at least 1 with scale_lr, got 0; give the clips per step that lr is meant for"
            )

    @property
    def peak_lr(self) -> float:
        """``lr``, scaled to the batch with ``scale_lr``: 0.1 for a batch of 64 gives 0.05 for a batch of 32."""
        return self.lr * self.batch_size / self.lr_batch if self.scale_lr else self.lr


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training run: network, clips and optimization. The network sets ``data.frames_per_segment``."""

    model: ModelConfig
    data: DataConfig
    training: TrainConfig

    def __post_init__(self) -> None:
        frames = frames_per_segment(self.model.name)
        if self.data.frames_per_segment not in (1, FRAMES):
            raise ValueError(
                f"expected frames_per_segment {frames} for {self.model.name}, got {self.data.frames_per_segment}; "
                "leave it out"
            )
        object.__setattr__(self, "data", replace(self.data, frames_per_segment=frames))  # the dataclass is frozen


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, ready for JSON."""
    return asdict(recipe)


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """The recipe from the values of ``recipe_to_dict``.

    Raises: TypeError names a field that is unknown or has a value of another type; ValueError a wrong value.
    """
    model, data, training = (dict(values[part]) for part in ("model", "data", "training"))
    model["dnr"] = None if model["dnr"] is None else typed(DNRConfig, model["dnr"])
    data["scales"] = tuple(data["scales"])
    training["lr_steps"] = tuple(training["lr_steps"])
    return Recipe(model=typed(ModelConfig, model), data=typed(DataConfig, data), training=typed(TrainConfig, training))
