"""Networks with one norm each, at several batch sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from dnrlab.models.create import shifts_already
from dnrlab.models.norms import NORMS
from dnrlab.recipes.config import Recipe
from dnrlab.relay.config import PAPER

KINDS = (*NORMS, "dnr")


def at_batch_size(recipe: Recipe, batch_size: int) -> Recipe:
    """The recipe with another batch size, the same epochs, lr in proportion, and a warm-up over as many clips.

    Batches of 32 with lr 0.1 and 30 iterations of warm-up become batches of 8 with lr 0.025 and 120 iterations.
    Source: Goyal et al., "Accurate, large minibatch SGD", 2017.

    Raises: ValueError if the size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"expected batch_size of at least 1 clip, got {batch_size}; raise it")
    before = recipe.training
    lr, warmup = before.lr * batch_size / before.batch_size, before.warmup_iterations * before.batch_size / batch_size
    return replace(recipe, training=replace(before, batch_size=batch_size, lr=lr, warmup_iterations=round(warmup)))


def with_norm(recipe: Recipe, kind: str) -> Recipe:
    """The recipe with a norm of ``KINDS``. ``dnr`` is the paper's setting.

    All networks are interlaced unless they have a shift of their own. So only the norm differs, and every network can
    use the order of frames.

    Raises: ValueError if the norm is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"expected a norm among {', '.join(KINDS)}, got {kind!r}; choose one of these")
    dnr, norm = (PAPER, "batch") if kind == "dnr" else (None, kind)
    interlacing = not shifts_already(recipe.model.name)
    return replace(recipe, model=replace(recipe.model, dnr=dnr, norm=norm, interlacing=interlacing))


def by_norm_and_batch(recipe: Recipe, norms: Sequence[str], batch_sizes: Sequence[int]) -> dict[str, Recipe]:
    """One recipe per norm and batch size, by names like ``dnr_batch4``."""
    return {
        f"{norm}_batch{size}": at_batch_size(with_norm(recipe, norm), size) for size in batch_sizes for norm in norms
    }


def norms_and_batches(recipes: Mapping[str, Recipe]) -> pd.DataFrame:
    """Columns name, norm (of ``KINDS``), label (for figures), batch_size (clips) and lr of some recipes."""
    norms = ["dnr" if each.model.dnr else each.model.norm for each in recipes.values()]
    return pd.DataFrame(
        {
            "name": list(recipes),
            "norm": norms,
            "label": ["DNR" if norm == "dnr" else f"{norm} norm" for norm in norms],
            "batch_size": [each.training.batch_size for each in recipes.values()],
            "lr": [each.training.lr for each in recipes.values()],
        }
    )
