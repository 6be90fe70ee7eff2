"""Frozen configurations of a training run, and their way to JSON and back."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from dnrlab.data.config import DataConfig
from dnrlab.data.loading import check_bad_videos
from dnrlab.models import frames_per_segment
from dnrlab.models.config import ModelConfig
from dnrlab.models.tdn_modules import FRAMES
from dnrlab.relay import DNRConfig

SCHEDULES = ("cosine", "steps")


RULES = ("uniform", "tsm", "tdn")


def expect(name: str, holds: bool, what: str, value: object) -> None:
    """ValueError that names a field, what it should be, and its value, unless the condition holds."""
    if not holds:
        raise ValueError(f"expected {name} {what}, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How it is trained: SGD with momentum, a learning rate that changes every iteration."""

    epochs: int = 50  # passes over the training videos
    batch_size: int = 32  # clips a step, over all processes
    lr: float = 0.01  # peak, reached at the end of the warm-up
    lr_batch: int = 0  # clips a step that lr is meant for; 0: whatever the batch
    scale_lr: bool = False  # lr times batch_size / lr_batch
    momentum: float = 0.9  # of SGD
    weight_decay: float = 1e-4  # of what decays by parameter_rules
    parameter_rules: str = "uniform"  # of lr and decay: uniform; tsm, tdn: of biases, norms, classifier (not of TDN)
    clip_norm: float = 40.0  # largest norm of the whole gradient
    schedule: str = "cosine"  # or steps: times 0.1 at each of lr_steps
    lr_steps: tuple[int, ...] = ()  # epochs
    warmup_iterations: int = 0  # linear, from warmup_factor times lr
    warmup_epochs: float = 0.0  # in place of warmup_iterations
    warmup_factor: float = 0.01
    sync_statistics: bool = False  # batch statistics of all processes' clips; else each process takes those of its own
    checkpoint_every: int = 1000  # iterations from one checkpoint to the next within an epoch; one ends every epoch
    validate_every: int = 1  # epochs from one validation to the next; the last epoch is always validated
    bad_videos: str = "error"  # what one does: error stops and names it; skip leaves it out, counts and lists it
    initial_weights: str = ""  # imagenet, or a run folder to start from, without the classifier; empty: random
    seed: int = 0  # of weights, order and crops

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
                f"expected a warm-up in epochs or in iterations, got warmup_epochs {self.warmup_epochs} and "
                f"warmup_iterations {self.warmup_iterations}; leave one out"
            )
        if self.scale_lr and not self.lr_batch:
            raise ValueError("expected lr_batch, the clips per step that lr is meant for, with scale_lr; give it too")

    @property
    def peak_lr(self) -> float:
        """``lr``, scaled to the batch if ``scale_lr``: 0.1 for a batch of 64 is 0.05 for one of 32."""
        return self.lr * self.batch_size / self.lr_batch if self.scale_lr else self.lr


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training run: network, clips, optimisation. The clips have as many neighbouring frames as the network wants."""

    model: ModelConfig
    data: DataConfig
    training: TrainConfig

    def __post_init__(self) -> None:
        wanted = frames_per_segment(self.model.name)
        if self.data.frames_per_segment not in (1, FRAMES):
            raise ValueError(
                f"expected frames_per_segment {wanted}, as {self.model.name} takes, "
                f"got {self.data.frames_per_segment}; leave it out"
            )
        object.__setattr__(self, "data", replace(self.data, frames_per_segment=wanted))  # frozen for its users


def recipe_to_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    return asdict(recipe)


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """The recipe that ``recipe_to_dict`` wrote. TypeError names a field that is unknown."""
    model, data, training = (dict(values[part]) for part in ("model", "data", "training"))
    model["dnr"] = None if model["dnr"] is None else DNRConfig(**model["dnr"])
    data["scales"] = tuple(data["scales"])
    training["lr_steps"] = tuple(training["lr_steps"])
    return Recipe(model=ModelConfig(**model), data=DataConfig(**data), training=TrainConfig(**training))
