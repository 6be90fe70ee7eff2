"""Load tensors into a network; every name must match."""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

SHOWN = 6  # tensors that an error names


def load_weights(
    model: nn.Module, weights: Mapping[str, Tensor], *, wanted: Callable[[str], bool] | None = None
) -> None:
    """Load ``weights`` into ``model``; names and shapes must be the same on both sides.

    Args:
        wanted: whether to load a tensor, from its name; other names are ignored on both sides. None loads all.

    Raises: ValueError with the number of tensors that do not fit and the names of the first of them.
    """
    ours, theirs = (
        {name: value for name, value in tensors.items() if wanted is None or wanted(name)}
        for tensors in (model.state_dict(), weights)
    )
    shapes = [{name: tuple(value.shape) for name, value in tensors.items()} for tensors in (ours, theirs)]
    unfit = [name for name in {**ours, **theirs} if shapes[0].get(name) != shapes[1].get(name)]
    if unfit:
        lines = [f"{name}: expected {shapes[0].get(name)}, got {shapes[1].get(name)}" for name in unfit[:SHOWN]]
        raise ValueError(
            f"expected the network's tensors, got {len(unfit)} of {len({**ours, **theirs})} that do not fit; "
            "give weights of this network (None: no such tensor)\n  " + "\n  ".join(lines)
        )
    model.load_state_dict(theirs, strict=False)  # only ignored names are missing, as checked above


def count_parameters(model: nn.Module) -> int:
    """Number of parameters of a network."""
    return sum(parameter.numel() for parameter in model.parameters())
