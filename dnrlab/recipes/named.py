"""Named recipes: functions that return frozen configurations. ``override`` makes variants."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from dnrlab.data.config import DataConfig
from dnrlab.models.config import ModelConfig
from dnrlab.recipes.config import Recipe, TrainConfig
from dnrlab.relay import DNRConfig


def demo() -> Recipe:
    """A small and quick training for any manifest: ResNet-18 of width 8 on 8 frames of 48 x 48 pixels."""
    return Recipe(
        model=ModelConfig(name="tsn_resnet18", width=8, dropout=0.0),
        data=DataConfig(sampling="segments", num_frames=8, short_side=54, crop_size=48, scales=(1.0, 0.9)),
        training=TrainConfig(
            epochs=16,
            batch_size=32,
            lr=0.1,
            clip_norm=20.0,
            warmup_iterations=30,
            warmup_factor=0.1,
            validate_every=4,
        ),
    )


def kinetics400() -> Recipe:
    """TSN-ResNet-50 on Kinetics-400 from scratch, as in the paper: 8 GPUs x 8 clips, 196 epochs."""
    return Recipe(
        model=ModelConfig(dropout=0.4),
        data=DataConfig(),
        training=TrainConfig(epochs=196, batch_size=64, lr_batch=64, lr=0.1, warmup_iterations=127_840),
    )


def kinetics200() -> Recipe:
    """TSN-ResNet-50 on Kinetics-200 from scratch, as in the paper: 8 GPUs x 8 clips, 120 epochs."""
    return Recipe(
        model=ModelConfig(dropout=0.4),
        data=DataConfig(),
        training=TrainConfig(epochs=120, batch_size=64, lr_batch=64, lr=0.1, warmup_iterations=60_000),
    )


def something() -> Recipe:
    """TSN-ResNet-50 on Something-Something, 50 epochs; set initial_weights to a run on Kinetics-400."""
    return Recipe(
        model=ModelConfig(),
        data=DataConfig(sampling="segments"),
        training=TrainConfig(
            epochs=50,
            batch_size=64,
            lr_batch=64,
            lr=0.005,
            weight_decay=5e-4,
            clip_norm=20.0,
            schedule="steps",
            lr_steps=(20, 40),
        ),
    )


def tsm_kinetics400() -> Recipe:
    """TSM-ResNet-50 on Kinetics-400 from ImageNet, as in MMAction2: 8 GPUs x 16 clips, 50 epochs."""
    return Recipe(
        model=ModelConfig(name="tsm_resnet50"),
        data=DataConfig(sampling="segments", crop_positions=13),
        training=TrainConfig(
            **FROM_IMAGENET,
            epochs=50,
            batch_size=128,
            lr_batch=128,
            lr=0.02,
            lr_steps=(25, 45),
            warmup_epochs=5,
            warmup_factor=0.1,
        ),
    )


def tanet_kinetics400() -> Recipe:
    """TANet-ResNet-50 on Kinetics-400 from ImageNet, on windows of 64 frames: 8 GPUs x 8 clips, 100 epochs."""
    return Recipe(
        model=ModelConfig(name="tanet_resnet50"),
        data=DataConfig(sampling="window", crop_positions=13),
        training=TrainConfig(**FROM_IMAGENET, epochs=100, batch_size=64, lr_batch=64, lr=0.01, lr_steps=(50, 75, 90)),
    )


def tdn_kinetics400() -> Recipe:
    """TDN-ResNet-50 on Kinetics-400 from ImageNet: 8 GPUs x 16 clips, 100 epochs."""
    settings = {**FROM_IMAGENET, "parameter_rules": "tdn"}
    return Recipe(
        model=ModelConfig(name="tdn_resnet50"),
        data=DataConfig(sampling="segments", crop_positions=13),
        training=TrainConfig(**settings, epochs=100, batch_size=128, lr_batch=128, lr=0.02, lr_steps=(50, 75, 90)),
    )


FROM_IMAGENET: dict[str, Any] = {
    "clip_norm": 20.0,
    "schedule": "steps",
    "parameter_rules": "tsm",
    "initial_weights": "imagenet",
}


RECIPES: dict[str, Callable[[], Recipe]] = {
    each.__name__: each
    for each in (demo, kinetics200, kinetics400, something, tsm_kinetics400, tanet_kinetics400, tdn_kinetics400)
}


def recipe_help() -> str:
    """One line per recipe: its name and the first line of its docstring."""
    return "\n".join(f"{name}: {(recipe.__doc__ or '').splitlines()[0]}" for name, recipe in RECIPES.items())


def recipe_by_name(name: str) -> Recipe:
    """The recipe of a name. ValueError lists the known names."""
    if name not in RECIPES:
        raise ValueError(f"expected a recipe's name, got {name!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]()


def interlacing_by_name(word: str) -> bool | None:
    """Whether channels are interlaced: ``always`` is True, ``never`` is False, ``auto`` is None (with DNR only)."""
    words = {"always": True, "never": False, "auto": None}
    if word not in words:
        raise ValueError(f"expected interlacing to be one of {', '.join(words)}, got {word!r}; choose one")
    return words[word]


def dnr_by_settings(dnr: bool, relay_distance: int, settings: Mapping[str, Any]) -> DNRConfig | None:
    """The settings of DNR, or None without DNR. ``settings`` gives any fields and overrides ``relay_distance``.

    Raises: ValueError if there are settings without DNR, or a setting is unknown (it lists the known settings).
    """
    known = [field.name for field in fields(DNRConfig)]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise ValueError(f"expected settings of DNR, got {', '.join(unknown)}; choose among {', '.join(known)}")
    if settings and not dnr:
        raise ValueError(
            f"expected no settings of DNR without DNR, got {', '.join(settings)}; leave them out or set dnr"
        )
    return DNRConfig(**{"relay_distance": relay_distance, **settings}) if dnr else None


def override(recipe: Recipe, **values: Any) -> Recipe:
    """The recipe with some fields changed, whichever part of the recipe they belong to.

    ``override(demo(), epochs=2, width=16)`` changes ``training.epochs`` and ``model.width``.

    Raises: ValueError if no part of a recipe has such a field, or the network sets the field.
    """
    if "frames_per_segment" in values:
        raise ValueError(
            f"expected no frames_per_segment, got {values['frames_per_segment']}; leave it out, the network sets it"
        )
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for part_name in ("model", "data", "training"):
        part = getattr(recipe, part_name)
        names = {field.name for field in fields(part)} & set(given)
        recipe = replace(recipe, **{part_name: replace(part, **{name: given.pop(name) for name in names})})
    if given:
        raise ValueError(f"expected fields of a recipe, got {', '.join(given)}; dnrlab.recipes.config lists them")
    return recipe
