"""The recipe that the parameters of a notebook describe."""

from collections.abc import Mapping
from typing import Any

from dnrlab.recipes.config import Recipe
from dnrlab.recipes.named import dnr_by_settings, interlacing_by_name, override, recipe_by_name

FIELDS = {  # parameters that take the place of a recipe's field, unless they are empty or 0; and the field's name
    "model": "name",
    **{name: name for name in ("width", "num_frames", "sampling", "frame_interval", "short_side", "crop_size")},
    **{name: name for name in ("epochs", "batch_size", "lr", "validate_every", "initial_weights")},
}


def recipe_of(parameters: Mapping[str, Any], *, without: tuple[str, ...] = ()) -> Recipe:
    """The recipe of a notebook's parameters, such as ``globals()``.

    ``recipe`` names it. ``dnr``, ``relay_distance``, ``dnr_settings`` and ``interlacing`` say what the norm is, and
    ``seed`` is the seed of the training, where there are such parameters. Those of ``FIELDS`` and the fields in
    ``settings`` replace the recipe's. Parameters named in ``without`` are left out.

    Raises: ValueError for an unknown name of a recipe, field or setting, or a value out of range.
    """
    known = {name: value for name, value in parameters.items() if name not in without}
    changes = {FIELDS[name]: value for name, value in known.items() if name in FIELDS and value}
    if "dnr" in known:
        changes["dnr"] = dnr_by_settings(known["dnr"], known["relay_distance"], known["dnr_settings"])
        changes["interlacing"] = interlacing_by_name(known["interlacing"])
    if "seed" in known:
        changes["seed"] = known["seed"]
    return override(recipe_by_name(known["recipe"]), **(changes | known.get("settings", {})))
